/** How far a lookup store is behind its topic: `kedge sync`. @module */
import type { SyncState } from '../state.ts'
import { Chart } from './chart.tsx'
import { countOf, lengthOf, rateOf } from './format.ts'
import { gauge, rate } from './history.ts'
import type { History } from './history.ts'
import { Tiles } from './tiles.tsx'

/** What an operator has to look at where it is not zero. */
const BAD: ReadonlySet<string> = new Set(['unusable', 'dead letters lost'])

const REASONS: Readonly<Record<string, string>> = {
  missing: 'lacks a field that the key, the value or the time to live is made of',
  undecodable: 'is not in the format',
  truncate: 'a table was truncated',
  operation: 'has an unknown operation',
  key: 'has a key that is too long, or no text',
  refused: 'the store refuses it',
  failed: 'a function of the options threw',
}

export function SyncView({ sync, history }: { readonly sync: SyncState; readonly history: History }) {
  const { rehydration, counts, lastUnusable, store, stream, lagRecords, lagMs } = sync
  const tiles = counts.map(({ name, count }) => ({
    name,
    value: countOf(count),
    note: '',
    isBad: count > 0 && BAD.has(name),
  }))
  return (
    <>
      {rehydration && <Rehydration {...rehydration} />}
      <Tiles
        tiles={[
          {
            name: 'Lag',
            value: countOf(lagRecords),
            note: lagMs === null ? 'records' : `records, ${lengthOf(lagMs)}`,
          },
          ...tiles,
        ]}
      />
      <div class="charts">
        <Chart
          title="Lag"
          hint="Records of the topic that the store has not yet."
          line={gauge(history, (state) => state.sync?.lagRecords)}
          format={countOf}
          least={10}
        />
        <Chart
          title="Records"
          hint="Records that are read each second."
          line={rate(history, (state) => state.sync?.records)}
          format={rateOf}
          least={1}
        />
      </div>
      {stream === undefined ? (
        <section class="card">
          <h2>Shared tier</h2>
          <p>{`Evictions are applied to ${store}: from then on it answers no cache with a value that one of them matches.`}</p>
        </section>
      ) : (
        <DeadLetters {...{ store, stream, lastUnusable }} />
      )}
    </>
  )
}

function DeadLetters({ store, stream, lastUnusable }: Pick<SyncState, 'store' | 'stream' | 'lastUnusable'>) {
  return (
    <section class="card">
      <h2>Dead letters</h2>
      {lastUnusable.length === 0 ? (
        <p class="empty">Every record could be used.</p>
      ) : (
        <ul class="plain">
          {lastUnusable.map(({ at, reason }) => (
            <li key={at}>
              <code>{at}</code> {REASONS[reason] ?? reason}
            </li>
          ))}
        </ul>
      )}
      <p class="note">{`Store: ${store}, as the stream ${stream}. What a record says is not shown here.`}</p>
    </section>
  )
}

function Rehydration({ records, total, perSecond, leftMs }: NonNullable<SyncState['rehydration']>) {
  const share = total === 0 ? 1 : records / total
  return (
    <section class="card">
      <h2 id="rehydration">Filling the store</h2>
      <progress aria-labelledby="rehydration" max={1} value={share}>
        {`${Math.floor(share * 100)} %`}
      </progress>
      <p>
        {`${Math.floor(share * 100)} %: ${countOf(records)} of ${countOf(total)} records, ${rateOf(perSecond)}`}
        {leftMs === null ? '' : `, ${lengthOf(leftMs)} to go`}
      </p>
    </section>
  )
}
