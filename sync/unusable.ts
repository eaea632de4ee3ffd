/** A record that cannot be used, and why. @module */
import type { UnusableReason } from './events.ts'

export class Unusable {
  readonly reason: UnusableReason
  /** In words. */
  readonly says: string

  constructor(reason: UnusableReason, says: string) {
    this.reason = reason
    this.says = says
  }
}
