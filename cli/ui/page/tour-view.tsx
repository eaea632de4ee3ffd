/** The tour of `npm start`: its two workers, and the steps to take. @module */
import type { IsolateState, TourState } from '../state.ts'
import { Chart } from './chart.tsx'
import { countOf, lengthOf } from './format.ts'
import { gauge } from './history.ts'
import type { History } from './history.ts'
import { Tiles } from './tiles.tsx'

export function TourView({ tour, history }: { readonly tour: TourState; readonly history: History }) {
  const { isolates, log, originReads } = tour
  return (
    <>
      <Tiles
        tiles={[
          ...isolates.map(tileOf),
          { name: 'Log', value: log, note: 'Kafka over REST', isBad: log === 'stopped' },
          { name: 'Origin', value: countOf(originReads), note: 'rows read in all' },
        ]}
      />
      <div class="charts">
        {isolates.map(({ name }, at) => (
          <Chart
            key={name}
            title={`Age of the proof at ${name}`}
            hint="How long ago the worker proved that it missed no eviction; a gap where it cannot."
            line={gauge(history, (state) => state.tour?.isolates[at]?.ageMs)}
            format={lengthOf}
            least={1000}
            limit={2000}
          />
        ))}
      </div>
    </>
  )
}

export const TourSteps = ({ tour: { setup, chapters } }: { readonly tour: TourState }) => (
  <section class="card">
    <h2>The tour</h2>
    <p>Paste these lines into a terminal, this one first, and watch what changes above.</p>
    <pre tabIndex={0}>{setup}</pre>
    <ol class="chapters">
      {chapters.map(({ title, lines }) => (
        <li key={title}>
          <details open>
            <summary>{title}</summary>
            <pre tabIndex={0}>{lines.join('\n')}</pre>
          </details>
        </li>
      ))}
    </ol>
  </section>
)

const tileOf = ({ name, ready, ageMs, lag }: IsolateState) => ({
  name,
  value: ready ? 'fresh' : 'not proved',
  note:
    ageMs === null
      ? 'it cannot prove what it holds'
      : `proved ${lengthOf(ageMs)} ago, ${countOf(lag ?? 0)} behind`,
  isBad: !ready,
})
