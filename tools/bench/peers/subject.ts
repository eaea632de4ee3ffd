/**
 * What is raced: a cache as two processes of one service use it.
 *
 * @module
 */

/** Reads a row at its source. */
export type Load = () => Promise<string>

/** The way from a process to what connects it to the others: a bus, a shared store, a log. */
export interface Link {
  /** Loses the next message to the process on its way. */
  loseNext(): void
  /** How many messages were lost. */
  readonly lost: number
  /** Nothing passes, in either direction, until `restore()`. */
  cut(): void
  restore(): void
}

/** One process, or isolate, with its cache. */
export interface Process {
  /** The value of the key, out of the cache or loaded. */
  read(key: string, load: Load): Promise<string>
  invalidate(key: string): Promise<void>
  /** Absent where there is nothing to tell the process by. */
  readonly link?: Link
}

export interface Fleet {
  readonly a: Process
  readonly b: Process
  /** Invalidates all that was read with {@link TAG}. Absent where there are no tags. */
  readonly invalidateTag?: (at: Process) => Promise<void>
  /** Resolves when `b` has got what `a` has invalidated. */
  readonly delivered: () => Promise<void>
  readonly close: () => Promise<void>
}

export interface Subject {
  /** The name of its package. */
  readonly name: string
  /** How it is configured here. */
  readonly configuration: string
  readonly workerd: {
    /** Whether it runs with `nodejs_compat`. */
    readonly node: boolean
    /** How it is configured there. */
    readonly configuration: string
  }
  /**
   * How an invalidation reaches another process: by messages, by a store that both read, or not at all.
   */
  readonly reach: 'bus' | 'store' | 'none'
  /** What it promises after a lost message, in milliseconds; absent where it promises nothing but the TTL. */
  readonly boundMs?: number
  /** `tagged`: everything that is read carries {@link TAG}. */
  open(tagged: boolean): Promise<Fleet>
}

/** The tag of what is read, where the race is about tags. */
export const TAG = 'team'

/** So long that nothing expires during a race. */
export const TTL_MS = 3_600_000

/** Lets everything run that waits for nothing but its turn. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setTimeout(resolve, 0))
}
