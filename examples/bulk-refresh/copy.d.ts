/** What `copy.js` is, for programs in TypeScript. */

export interface CopyOptions {
  readonly url: string
  readonly namespace: string
  readonly token?: string
  readonly onChange?: (what: {
    readonly state: string
    readonly event?: string
    readonly because?: string
  }) => void
}

export class Copy {
  constructor(options: CopyOptions)
  readonly values: ReadonlyMap<string, { readonly value: unknown }>
  readonly state: string
  readonly id: string
  get(key: string): unknown
  follow(): Promise<void>
  stop(): void
}
