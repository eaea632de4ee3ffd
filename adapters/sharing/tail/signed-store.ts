/**
 * Documents in a store that many clients share, and that other programs may write into.
 *
 * An entry is a signature, a line break, and the document. It is verified before anything is parsed: what else may write into the
 * store (another Worker of the zone) can forge no document then. The signature names the entry, so that no document counts for
 * another one.
 *
 * @module
 */
import { Keyring } from '../../../src/signing/keyring.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'

/** A store of small texts by name, that forgets them after some seconds. */
export interface ProofStore {
  /** @param maxChars a longer text counts as none */
  get(name: string, maxChars: number, signal: AbortSignal): Promise<string | undefined>
  /** @param ttlMs after which it need not be kept */
  put(name: string, text: string, ttlMs: number, signal: AbortSignal): Promise<void>
}

/** What a signature takes, and the line break after it. */
const SIGNATURE_CHARS = 100
const KEY = 'tail'

export class SignedStore {
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

  /** The document that the store has under the name; `undefined` where there is none, or none that counts. */
  async get(name: string, maxChars: number, signal: AbortSignal): Promise<string | undefined> {
    const entry = await this.#store.get(name, maxChars, signal)
    if (entry === undefined || entry.length > maxChars) return undefined
    const end = entry.indexOf('\n')
    const document = entry.slice(end + 1)
    const signature = entry.slice(0, Math.max(0, end))
    const fault = await this.#keyring.fault(about(name), encodeUtf8(document), signature)
    if (fault !== undefined) return undefined
    return document
  }

  /** Puts it, unless it is longer than an entry may be. */
  async put(
    name: string,
    document: string,
    { maxChars, ttlMs, now }: { maxChars: number; ttlMs: number; now: number },
    signal: AbortSignal,
  ): Promise<void> {
    if (document.length + SIGNATURE_CHARS > maxChars) return
    const signature = await this.#keyring.sign(about(name), encodeUtf8(document), now)
    await this.#store.put(name, `${signature}\n${document}`, ttlMs, signal)
  }
}

// A slash is in no name of a topic: no signature of a record can be one of an entry.
const about = (name: string) => ({ topic: `kedge/tail/${name}`, key: null })
