/** A record that cannot be used, and why. @module */
import type { UnusableReason } from './events.ts'

export class UnusableRecord {
  readonly reason: UnusableReason
  /** The reason in words. */
  readonly says: string

  constructor(reason: UnusableReason, says: string) {
    this.reason = reason
    this.says = says
  }
}
