/** What the features of a cache mean for what is held of a namespace. @module */

export interface HoldTerms {
  /** The longest that an intent may last; 0 where writers announce none. */
  readonly intentsMs: number
  /** How many evictions before the end of the log values are judged by. */
  readonly lookBack: number
  readonly mayHold:
    | ((namespace: { readonly name: string }, key: string, value: unknown) => boolean)
    | undefined
}

/** Those of a cache without features. */
export const NO_TERMS: HoldTerms = { intentsMs: 0, lookBack: 0, mayHold: undefined }
