/** How far each partition has been read. @module */
import type { PartitionState, TopicState } from '../state.ts'
import { countOf } from './format.ts'

export function Partitions({ topic: { topic, partitions, more } }: { readonly topic: TopicState }) {
  const isRead = partitions.some(({ position }) => position !== undefined)
  return (
    <section class="card">
      <h2>
        Partitions of <code>{topic}</code>
      </h2>
      {partitions.length === 0 ? (
        <p class="empty">None has been read yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Partitions">
          <table>
            <thead>
              <tr>
                <th scope="col">Partition</th>
                {isRead && (
                  <th scope="col" class="number">
                    Position
                  </th>
                )}
                <th scope="col" class="number">
                  End
                </th>
                {isRead && (
                  <th scope="col" class="number">
                    Lag
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {partitions.map((each) => (
                <Row key={each.partition} {...each} isRead={isRead} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 && <p class="note">{`and ${countOf(more)} more`}</p>}
    </section>
  )
}

function Row({ partition, position, end, isRead }: PartitionState & { readonly isRead: boolean }) {
  const lag = position === undefined ? 0 : Math.max(0, end - position)
  return (
    <tr>
      <th scope="row">{partition}</th>
      {isRead && <td class="number">{position === undefined ? '–' : position.toLocaleString('en-US')}</td>}
      <td class="number">{end.toLocaleString('en-US')}</td>
      {isRead && <td class={lag > 0 ? 'number behind' : 'number'}>{countOf(lag)}</td>}
    </tr>
  )
}
