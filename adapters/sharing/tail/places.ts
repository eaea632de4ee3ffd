/** What a client knows by place, a partition of a topic. @module */

const MAX_PLACES = 64

/** Sets it, and drops the place that was set first where there are too many. */
export function keep<T>(map: Map<string, T>, place: string, value: T): void {
  map.set(place, value)
  const [oldest] = map.keys()
  if (map.size > MAX_PLACES && oldest !== undefined) map.delete(oldest)
}
