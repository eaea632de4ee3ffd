/** Listeners that a program gives, made harmless. @module */

/**
 * The listener, without its faults: what it throws, and what it rejects with where it is `async`, is ignored. No other
 * listener could report it, and what it listens to must go on.
 */
export const harmless =
  <Told extends readonly unknown[]>(listener: ((...told: Told) => unknown) | undefined) =>
  (...told: Told): void => {
    try {
      const said = listener?.(...told) as PromiseLike<unknown> | undefined
      said?.then?.(undefined, () => undefined)
    } catch {
      // See above.
    }
  }
