/**
 * The tour, as data: the lines that `npm start` prints and the steps that `npm start -- --check` takes are made
 * from this one list.
 *
 * @module
 */

/** How the two workers are set. Short, so that everything can be seen within a minute. */
export const SETTINGS = {
  TTL: '5m',
  MAX_STALENESS: '2s',
  ON_UNREACHABLE: 'stale',
  MAX_OUTAGE: '15s',
} as const

/** Who is asked: one of the workers, the origin, or the switch that stops and starts the log. */
export type Place = 'a' | 'b' | 'origin' | 'switch'

/** A value of JSON, as far as the step expects it: objects may have more members than are named here. */
export type Foretold =
  | string
  | number
  | boolean
  | null
  | readonly Foretold[]
  | { readonly [name: string]: Foretold }

export interface Expectation {
  readonly status: number
  readonly body?: Foretold
  /**
   * Parameters of `Cache-Status` that must be there. Of `hit`, `fwd` and `detail`, which tell what the cache did,
   * there must be no other; the rest (`ttl`, `stored`, `collapsed` …) is free.
   */
  readonly cacheStatus?: readonly string[]
}

export interface Step {
  readonly to: Place
  /** @default 'GET' */
  readonly method?: 'POST' | 'PUT'
  readonly path: string
  readonly body?: Foretold
  /** This many at once. @default 1 */
  readonly times?: number
  /** What to do with the token: keep the one that the answer carries, or send the one that was kept. */
  readonly token?: 'keep' | 'send'
  /** Seconds within which it comes to be as expected. @default 0: at once */
  readonly within?: number
  readonly expect: Expectation
}

/** Steps that show one thing. */
export interface Chapter {
  readonly title: string
  readonly steps: readonly Step[]
}

/** The row that the tour reads and changes. */
export const ROW = '/cache/airports/KEF'

const MISS = ['fwd=miss', 'stored']
const HIT = ['hit']

function named(city: string): Foretold {
  return { value: { city } }
}

export const TOUR: readonly Chapter[] = [
  {
    title: 'A reads a row twice: a miss, then a hit. B is another isolate with its own cache: a miss.',
    steps: [
      { to: 'a', path: ROW, expect: { status: 200, body: named('Reykjavík'), cacheStatus: MISS } },
      { to: 'a', path: ROW, expect: { status: 200, body: named('Reykjavík'), cacheStatus: HIT } },
      { to: 'b', path: ROW, expect: { status: 200, body: named('Reykjavík'), cacheStatus: MISS } },
    ],
  },
  {
    title: 'Twenty readers at once of another row are one load: the origin was read three times in all.',
    steps: [
      {
        to: 'b',
        path: '/cache/airports/JFK',
        times: 20,
        expect: { status: 200, body: named('New York') },
      },
      { to: 'origin', path: '/stats', expect: { status: 200, body: { reads: 3 } } },
    ],
  },
  {
    title: 'Change the row through A: written, then evicted. Who shows the token sees it at B at once.',
    steps: [
      {
        to: 'a',
        method: 'PUT',
        path: ROW,
        body: named('Keflavík'),
        token: 'keep',
        expect: { status: 200 },
      },
      {
        to: 'b',
        path: ROW,
        token: 'send',
        expect: { status: 200, body: named('Keflavík'), cacheStatus: MISS },
      },
    ],
  },
  {
    title: 'Change it again. Who has no token sees it at B after at most MAX_STALENESS, 2 seconds.',
    steps: [
      { to: 'a', method: 'PUT', path: ROW, body: named('Reykjanesbær'), expect: { status: 200 } },
      { to: 'b', path: ROW, within: 2, expect: { status: 200, body: named('Reykjanesbær') } },
    ],
  },
  {
    title: 'Evict all of Iceland by tag: B loads the row again, and proves that it missed no eviction.',
    steps: [
      {
        to: 'a',
        method: 'POST',
        path: '/evictions',
        body: { namespace: 'airports', tags: ['country:IS'] },
        expect: { status: 200 },
      },
      {
        to: 'b',
        path: ROW,
        within: 2,
        expect: { status: 200, body: named('Reykjanesbær'), cacheStatus: MISS },
      },
      { to: 'b', path: '/readyz', expect: { status: 200, body: { ready: true, lag: 0 } } },
    ],
  },
  {
    title: 'Stop the log. B cannot prove freshness any more: it serves what it has, and says so.',
    steps: [
      {
        to: 'switch',
        method: 'POST',
        path: '/log/stop',
        expect: { status: 200, body: { log: 'stopped' } },
      },
      {
        to: 'b',
        path: ROW,
        within: 3,
        expect: {
          status: 200,
          body: named('Reykjanesbær'),
          cacheStatus: ['hit', 'detail=unreachable'],
        },
      },
    ],
  },
  {
    title: 'A write reaches the origin but not the log: an error that says so, never a silent stale value.',
    steps: [
      {
        to: 'a',
        method: 'PUT',
        path: ROW,
        body: named('Keflavík'),
        expect: { status: 503, body: { code: 'ERR_PUBLISH' } },
      },
    ],
  },
  {
    title: 'After MAX_OUTAGE, 15 seconds, B trusts nothing that it holds: reads go to the origin.',
    steps: [
      {
        to: 'b',
        path: ROW,
        within: 15,
        expect: { status: 200, body: named('Keflavík'), cacheStatus: ['fwd=bypass'] },
      },
    ],
  },
  {
    title: 'Start the log, and repeat the write that failed. B is back to hits.',
    steps: [
      {
        to: 'switch',
        method: 'POST',
        path: '/log/start',
        expect: { status: 200, body: { log: 'running' } },
      },
      {
        to: 'a',
        method: 'PUT',
        path: ROW,
        body: named('Keflavík'),
        token: 'keep',
        expect: { status: 200 },
      },
      {
        to: 'b',
        path: ROW,
        token: 'send',
        // A cache leaves a log that failed alone for a while, five seconds at most.
        within: 6,
        expect: { status: 200, body: named('Keflavík'), cacheStatus: MISS },
      },
      { to: 'b', path: ROW, expect: { status: 200, body: named('Keflavík'), cacheStatus: HIT } },
    ],
  },
]
