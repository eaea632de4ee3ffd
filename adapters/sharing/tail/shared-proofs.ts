/** Proofs in a store that many clients share, and that may lose, delay or repeat them. @module */
import { roomOf, type StoreLimits } from './limits.ts'
import { decodeProof, encodeProof, type Proof } from './proof.ts'
import type { SignedStore } from './signed-store.ts'
import { bytesOf } from './window.ts'

/** An older one is never adopted. */
const TTL_MS = 5000

export class SharedProofs {
  readonly #store: SignedStore
  readonly #limits: StoreLimits

  constructor(store: SignedStore, limits: StoreLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** The proof that the store has; `undefined` where there is none, or none that counts. */
  async find(place: string, signal: AbortSignal): Promise<Proof | undefined> {
    const document = await this.#store.get(place, this.#limits.proofChars, signal)
    const proof = document === undefined ? undefined : decodeProof(document)
    // What the clock of the sampler showed answers one question: nothing follows from it for other clients.
    return proof && withoutEcho(proof)
  }

  /** Hands the proof on, with as many of its newest records as fit. */
  async put(place: string, proof: Proof, now: number, signal: AbortSignal): Promise<void> {
    const document = encodeProof(fitting(withoutEcho(proof), roomOf(this.#limits)))
    const { proofChars: maxChars } = this.#limits
    await this.#store.put(place, document, { maxChars, ttlMs: TTL_MS, now }, signal)
  }
}

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

function fitting(proof: Proof, room: number): Proof {
  let left = room
  let first = proof.records.length
  while (first > 0 && (left -= bytesOf(proof.records[first - 1]!)) >= 0) first--
  if (first === 0) return proof
  return { ...proof, base: proof.records[first - 1]!.offset + 1, records: proof.records.slice(first) }
}
