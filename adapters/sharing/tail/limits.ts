/** What a store of proofs is given, and how much of it. @module */

export interface StoreLimits {
  /** The longest entry of a proof, in characters. */
  readonly proofChars: number
  /** How many offsets a segment has: all who share a store must agree. */
  readonly segmentOffsets: number
  /** The longest entry of a segment, in characters. */
  readonly segmentChars: number
}

/**
 * 256 records of 200 bytes take 51 kB: an entry of a proof has room for more than one segment, so that there is none between the last
 * whole segment and the records of a proof.
 */
export const STORE_LIMITS: StoreLimits = {
  proofChars: 65_536,
  segmentOffsets: 256,
  segmentChars: 262_144,
}

/** What a document takes beside its records, and its signature. */
const FRAME = 1000

/** How many characters of records a proof of the store has room for. */
export const roomOf = ({ proofChars }: StoreLimits): number => proofChars - FRAME
