/** What a sync counts. @module */

/** Counters since construction. */
export interface SyncStats {
  /** Records that were read and handled; a record that is read again counts again. */
  readonly records: number
  /** Bytes of their keys and values. */
  readonly bytes: number
  readonly batches: number
  /** Values written, and keys deleted. */
  readonly written: number
  /** Writes that the store refused because it has a newer version of their key. */
  readonly superseded: number
  /** Records that a later one of the same batch made needless. */
  readonly folded: number
  /**
   * Records without a write: of other namespaces, of older rows, Debezium's records that are about no row.
   */
  readonly skipped: number
  /** Records that could not be used. */
  readonly unusable: number
  /** Of those, how many are in the dead-letter topic. */
  readonly deadLetters: number
  /** Of those, how many could not be written there, and are lost. */
  readonly deadLettersLost: number
  /** How often the store turned out to be wiped, or to have gone back. */
  readonly wipes: number
  /** How often the stream began from the beginning of the topic. */
  readonly begins: number
  /** Records that retention took before they were read, at most. */
  readonly lost: number
  /** How often the topic turned out to have more partitions than before. */
  readonly grown: number
  /** How often a key of the sample came in another partition than before: an older value may have won. */
  readonly movedKeys: number
  /** Times that seem to be in another unit than milliseconds. */
  readonly suspectTimes: number
  /** Failed calls to the store, to the log and of `onWritten`; the sync tried each again. */
  readonly storeFailures: number
  readonly logFailures: number
  readonly hookFailures: number
}

export type Counters = { -readonly [name in keyof SyncStats]: number }

export const newCounters = (): Counters => ({
  records: 0,
  bytes: 0,
  batches: 0,
  written: 0,
  superseded: 0,
  folded: 0,
  skipped: 0,
  unusable: 0,
  deadLetters: 0,
  deadLettersLost: 0,
  wipes: 0,
  begins: 0,
  lost: 0,
  grown: 0,
  movedKeys: 0,
  suspectTimes: 0,
  storeFailures: 0,
  logFailures: 0,
  hookFailures: 0,
})
