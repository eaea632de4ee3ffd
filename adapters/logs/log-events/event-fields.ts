/** What a log may have of an event: no key, no value, no token. @module */
import type { LogFields } from './log-line.ts'

/** An event of a cache, a sync, a loader or a persister. */
export interface TypedEvent {
  readonly type: string
}

/** Names that the program has given. */
const NAMES: ReadonlySet<string> = new Set(['namespace', 'topic', 'tier'])
/** One of few words. The reason of a dead letter is a sentence, in which there may be a key, and is left out. */
const WORDS: ReadonlySet<string> = new Set([
  'reason',
  'because',
  'option',
  'operation',
  'state',
  'field',
  'unit',
  'epoch',
])
const WORD = /^[\w-]{1,64}$/
/** What stands in a record. */
const NOT_TOLD: ReadonlySet<string> = new Set(['value'])

/** The fields of a line about the event, in the order that they have there. */
export function eventFields(event: TypedEvent): LogFields {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(event)) {
    if (name === 'type') continue
    if (typeof value === 'boolean') fields[name] = value
    else if (typeof value === 'number') {
      if (!NOT_TOLD.has(name)) fields[name] = Number.isInteger(value) ? value : Number(value.toFixed(3))
    } else if (typeof value === 'string') {
      if (NAMES.has(name) || (WORDS.has(name) && WORD.test(value))) fields[name] = value
      // Of `short_ttl`: it names the option, and what to write instead.
      else if (name === 'message') fields['message'] = value
    } else if (Array.isArray(value)) fields[name] = value.length
    else if (name === 'error') fields['error'] = value instanceof Error ? value : String(value)
  }
  return fields
}
