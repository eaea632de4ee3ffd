/** What a gateway does, and for whom. @module */
import type { GatewayState, LiveState } from '../state.ts'
import { Chart } from './chart.tsx'
import { bytesOf, countOf, rateOf, shareOf } from './format.ts'
import { gauge, rate } from './history.ts'
import type { History } from './history.ts'
import { Tiles } from './tiles.tsx'
import type { Tile } from './tiles.tsx'

const endsOf = ({ topic }: LiveState) => topic?.partitions.reduce((sum, { end }) => sum + end, 0)

export function GatewayView({
  gateway,
  history,
}: {
  readonly gateway: GatewayState
  readonly history: History
}) {
  return (
    <>
      <Tiles tiles={tilesOf(gateway)} />
      <div class="charts">
        <Chart
          title="Pollers"
          hint="Caches that wait for the next eviction."
          line={gauge(history, (state) => state.gateway?.pollsWaiting)}
          format={countOf}
          least={4}
        />
        <Chart
          title="Evictions"
          hint="Records that come to the topic each second."
          line={rate(history, endsOf)}
          format={rateOf}
          least={1}
        />
        <Chart
          title="Sent"
          hint="Bytes that clients are sent each second."
          line={rate(history, (state) => state.gateway?.sentBytes)}
          format={(bytes) => `${bytesOf(bytes)}/s`}
          least={1000}
        />
      </div>
      {gateway.refused.length > 0 && (
        <section class="card">
          <h2>Refused</h2>
          <table>
            <thead>
              <tr>
                <th scope="col">Why</th>
                <th scope="col" class="number">
                  Requests
                </th>
              </tr>
            </thead>
            <tbody>
              {gateway.refused.map(({ name, count }) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td class="number">{countOf(count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  )
}

function tilesOf(gateway: GatewayState): Tile[] {
  const { log, pollsWaiting, connections, receivedBytes, sentBytes, proofs } = gateway
  const { brokers, tails, tailHits, tailReads } = gateway
  const asked = tailHits + tailReads
  const ofKafka: Tile[] = [
    {
      name: 'Brokers',
      value: brokers ? countOf(brokers.length) : '–',
      note: brokers
        ? `ids ${brokers.slice(0, 8).join(', ')}${brokers.length > 8 ? ' …' : ''}`
        : 'not named yet',
    },
    { name: 'Tails', value: countOf(tails ?? 0), note: 'partitions read once for all pollers' },
    {
      name: 'From tails',
      value: asked === 0 ? '–' : shareOf(tailHits / asked),
      note: asked === 0 ? 'no read yet' : `of ${countOf(asked)} reads`,
    },
  ]
  return [
    { name: 'Pollers', value: countOf(pollsWaiting), note: 'wait for an eviction' },
    { name: 'Connections', value: countOf(connections), note: 'of clients, this page too' },
    ...(log === 'kafka' ? ofKafka : [{ name: 'Log', value: 'memory', note: 'ends with this process' }]),
    {
      name: 'Proofs',
      value: countOf(proofs.questions),
      note:
        proofs.questions === 0
          ? 'no tail asked yet'
          : `by ${countOf(proofs.samples)} samples of ${countOf(proofs.places)} ${proofs.places === 1 ? 'partition' : 'partitions'}`,
    },
    { name: 'Sent', value: bytesOf(sentBytes), note: `received ${bytesOf(receivedBytes)}` },
  ]
}
