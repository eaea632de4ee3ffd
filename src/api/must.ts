/** What an option must be. @module */

/** @throws TypeError with the message where that does not hold. */
export function must(holds: boolean, message: string): void {
  if (!holds) throw new TypeError(message)
}
