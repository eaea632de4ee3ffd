/**
 * Proofs in a store that many clients share, whatever the store does with them.
 *
 * An entry is a signature, a line break, and the document. The client verifies it before it parses anything: what else may
 * write into the store (another Worker of the zone) can forge no proof then. The signature names the place, so that no proof
 * counts for another topic.
 *
 * @module
 */
import { Keyring } from '../../../src/signing/keyring.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { decodeProof, encodeProof, type Proof } from './proof.ts'
import { bytesOf } from './window.ts'

/** A store of small texts by name, that forgets them after some seconds. */
export interface ProofStore {
  /** @param maxChars a longer text counts as none */
  get(name: string, maxChars: number, signal: AbortSignal): Promise<string | undefined>
  /** @param ttlMs after which it need not be kept */
  put(name: string, text: string, ttlMs: number, signal: AbortSignal): Promise<void>
}

/** An older one is never adopted. */
const TTL_MS = 5000
const MAX_ENTRY = 65_536
/** What a document takes beside its records, and its signature. */
const FRAME = 1000
const KEY = 'tail'

export class SharedProofs {
  readonly #store: ProofStore
  readonly #keyring: Keyring

  /** @throws TypeError where the secret is none */
  constructor(store: ProofStore, secret: string | Uint8Array) {
    this.#store = store
    try {
      this.#keyring = new Keyring([{ id: KEY, secret }])
    } catch (cause) {
      throw new TypeError('`secret`: must be 32 to 256 bytes, or base64 of them', { cause })
    }
  }

  /** The proof that the store has; `undefined` where there is none, or none that counts. */
  async find(place: string, signal: AbortSignal): Promise<Proof | undefined> {
    const entry = await this.#store.get(place, MAX_ENTRY, signal)
    if (entry === undefined || entry.length > MAX_ENTRY) return undefined
    const end = entry.indexOf('\n')
    const document = entry.slice(end + 1)
    const fault = await this.#keyring.fault(
      about(place),
      encodeUtf8(document),
      entry.slice(0, Math.max(0, end)),
    )
    if (fault !== undefined) return undefined
    const proof = decodeProof(document)
    // What the clock of the sampler showed answers one question: nothing follows from it for other clients.
    return proof && withoutEcho(proof)
  }

  /** Hands the proof on, with as many of its newest records as fit. */
  async put(place: string, proof: Proof, now: number, signal: AbortSignal): Promise<void> {
    const document = encodeProof(fitting(withoutEcho(proof)))
    const signature = await this.#keyring.sign(about(place), encodeUtf8(document), now)
    await this.#store.put(place, `${signature}\n${document}`, TTL_MS, signal)
  }
}

// A slash is in no name of a topic: no signature of a record can be one of a proof.
const about = (place: string) => ({ topic: `kedge/tail/${place}`, key: null })

const withoutEcho = ({ logId, life, at, beginning, end, base, next, records, costMs }: Proof): Proof => ({
  logId,
  life,
  at,
  beginning,
  end,
  base,
  next,
  records,
  ...(costMs !== undefined && { costMs }),
})

function fitting(proof: Proof): Proof {
  let left = MAX_ENTRY - FRAME
  let first = proof.records.length
  while (first > 0 && (left -= bytesOf(proof.records[first - 1]!)) >= 0) first--
  if (first === 0) return proof
  return { ...proof, base: proof.records[first - 1]!.offset + 1, records: proof.records.slice(first) }
}
