/** Evictions as they come, the newest first. @module */
import { useState } from 'preact/hooks'
import type { EvictionLine } from '../state.ts'
import { countOf, timeOf } from './format.ts'

export interface EvictionsProps {
  readonly lines: readonly EvictionLine[]
  readonly skipped: number
}

export function Evictions({ lines, skipped }: EvictionsProps) {
  const [held, hold] = useState<EvictionsProps>()
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

const WORDS: Readonly<Record<EvictionLine['what'], string>> = {
  keys: '',
  tags: 'tag',
  prefixes: 'prefix',
  all: 'all of it',
  unreadable: 'cannot be read: evicts to be safe',
  intent: 'about to be written',
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
