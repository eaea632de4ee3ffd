/** Every event of a cache or a service, at the level `debug`. @module */
import { eventFields } from '../adapters/logs/log-events/event-fields.ts'
import type { TypedEvent } from '../adapters/logs/log-events/event-fields.ts'
import { levelOf } from '../adapters/logs/log-events/event-level.ts'
import { jsonLine } from '../adapters/logs/log-events/log-line.ts'
import type { Terminal } from './terminal.ts'

/**
 * Events that matter more have a line of their own at their own level.
 *
 * @param name `kedge serve`
 */
export function debugging(name: string, terminal: Terminal): (event: TypedEvent) => void {
  if (!terminal.tells('debug')) return () => {}
  return (event) => {
    if (levelOf(event) !== 'debug') return
    const fields = eventFields(event)
    const shown = terminal.isJson ? '' : ` ${jsonLine(fields)}`
    terminal.tell('debug', event.type, `${name}: ${event.type}${shown}`, fields)
  }
}
