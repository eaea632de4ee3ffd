/** Where a Durable Object may be asked to live, and which of these places is near the clients of an isolate. @module */

/** The location hints of Cloudflare. An object stays where it was made. */
export const TAIL_REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const

export type TailRegion = (typeof TAIL_REGIONS)[number]

/** The Great Plains, between Denver and Chicago. */
const WEST_OF_AMERICA = -100
/** Between Berlin and Vienna. */
const EAST_OF_EUROPE = 15
/** Between the Gulf and India. */
const EAST_OF_THE_GULF = 60

/**
 * The region of a request by its `cf`: clients are led to a data center near them. `undefined` where Cloudflare does not say where
 * the client is (Tor, Antarctica, another Worker as its client).
 *
 * @param cf `request.cf` of a request that came from outside
 * @example
 * ```ts
 * import { regionOf } from 'kedge/worker/tail'
 *
 * console.log(regionOf({ continent: 'EU', longitude: '2.35' })) // weur
 * ```
 */
export function regionOf(cf: unknown): TailRegion | undefined {
  const { continent, longitude } = (cf ?? {}) as Readonly<Record<string, unknown>>
  const east = typeof longitude === 'string' && longitude !== '' ? Number(longitude) : NaN
  switch (continent) {
    case 'NA':
      return east < WEST_OF_AMERICA ? 'wnam' : 'enam'
    case 'SA':
      return 'sam'
    case 'EU':
      return east >= EAST_OF_EUROPE ? 'eeur' : 'weur'
    case 'AS':
      return east < EAST_OF_THE_GULF ? 'me' : 'apac'
    case 'OC':
      return 'oc'
    case 'AF':
      return 'afr'
    default:
      return undefined
  }
}
