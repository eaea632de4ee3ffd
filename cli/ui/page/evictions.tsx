/** Evictions as they come, the newest first. @module */
import { useState } from 'preact/hooks'
import { WORDS } from '../seen-evictions.ts'
import type { EvictionBatch, EvictionLine } from '../state.ts'
import { countOf, timeOf } from './format.ts'

export function Evictions({ lines, skipped }: EvictionBatch) {
  const [held, hold] = useState<EvictionBatch>()
  const shown = held ?? { lines, skipped }
  const isHeld = held !== undefined
  return (
    <section class="card">
      <div class="card-head">
        <h2>Evictions as they come</h2>
        <button type="button" aria-pressed={isHeld} onClick={() => hold(isHeld ? undefined : shown)}>
          {isHeld ? 'Go on' : 'Hold'}
        </button>
      </div>
      {shown.lines.length === 0 ? (
        <p class="empty">None yet. One stands here as soon as the log has it.</p>
      ) : (
        <div class="scroll evictions" tabIndex={0} role="region" aria-label="Evictions, the newest first">
          <ol class="plain">
            {shown.lines.map((line) => (
              <Line key={`${line.partition}@${line.offset}`} {...line} />
            ))}
          </ol>
        </div>
      )}
      {shown.skipped > 0 && <p class="note">{`${countOf(shown.skipped)} more came too fast to be shown.`}</p>}
    </section>
  )
}

function Line({ at, partition, offset, namespace, what, names, more }: EvictionLine) {
  return (
    <li class={what === 'unreadable' ? 'eviction bad' : 'eviction'}>
      <time dateTime={new Date(at).toISOString()}>{timeOf(at)}</time>
      <span class="what">
        <b>{namespace ?? 'everything'}</b>
        {WORDS[what] !== '' && <i>{WORDS[what]}</i>}
        {names.map((name) => (
          <code key={name}>{name}</code>
        ))}
        {more > 0 && <span>{`and ${countOf(more)} more`}</span>}
      </span>
      <span class="place">{`${partition}@${offset}`}</span>
    </li>
  )
}
