/** What a cache does: `kedge serve`. @module */
import type { CacheState, LiveState } from '../state.ts'
import { Chart } from './chart.tsx'
import { bytesOf, countOf, lengthOf, rateOf, shareOf } from './format.ts'
import { gauge, rate, ratio, shareSince } from './history.ts'
import type { History } from './history.ts'
import { Tiles } from './tiles.tsx'

const hits = ({ cache }: LiveState) => cache?.hits
const misses = ({ cache }: LiveState) => cache?.misses
/** Over which the hit ratio of a moment is taken. */
const RATIO_MS = 10_000
const MINUTE_MS = 60_000

export function CacheView({ cache, history }: { readonly cache: CacheState; readonly history: History }) {
  return (
    <>
      <Tiles tiles={tilesOf(cache, history)} />
      <div class="charts">
        <Chart
          title="Age of the proof"
          hint="How long ago it was proved that no eviction was missed; the dashed line is the promise."
          line={gauge(history, (state) => state.cache?.proofAgeMs)}
          format={lengthOf}
          least={100}
          limit={cache.maxStalenessMs}
        />
        <Chart
          title="Hit ratio"
          hint="Hits among the reads of ten seconds; a gap where there was no read."
          line={ratio(history, hits, misses, RATIO_MS)}
          format={shareOf}
          least={1}
          most={1}
        />
        <Chart
          title="Loads"
          hint="Loads from the origin each second."
          line={rate(history, (state) => state.cache?.loads)}
          format={rateOf}
          least={1}
        />
      </div>
    </>
  )
}

function tilesOf(cache: CacheState, history: History) {
  const { loads, fenced, refused, entries, bytes, evictions, polls, pollFailures } = cache
  const reads = cache.hits + cache.misses
  const last = history.at(-1)
  const lately = last && shareSince(history, last, hits, misses, MINUTE_MS)
  return [
    {
      name: 'Hit ratio',
      value: reads === 0 ? '–' : shareOf(cache.hits / reads),
      note:
        reads === 0
          ? 'no read yet'
          : `of ${countOf(reads)} reads${lately == null ? '' : `; ${shareOf(lately)} lately`}`,
    },
    { name: 'Loads', value: countOf(loads), note: 'from the origin' },
    { name: 'Fenced', value: countOf(fenced), note: 'loads that an eviction overtook' },
    { name: 'Refused', value: countOf(refused), note: 'records that could not be used', isBad: refused > 0 },
    { name: 'Evictions', value: countOf(evictions), note: 'applied' },
    { name: 'Held', value: countOf(entries), note: `values, ${bytesOf(bytes)}` },
    { name: 'Polls', value: countOf(polls), note: `of the log; ${countOf(pollFailures)} failed` },
  ]
}
