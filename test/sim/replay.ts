/**
 * A trace to read: a line for each event, and violations where they happened.
 *
 * @module
 */
import type { Row, Trace, TraceEvent, Violation } from './trace.ts'

/** Calls through the port, and the states of isolates between them: more than most faults need. */
const VERBOSE: readonly TraceEvent['type'][] = ['asked', 'told', 'untold', 'state', 'appended', 'request']

/** @param verbose also what goes through the port, what stands in the log, and the state of isolates */
export function readable({ events }: Trace, violations: readonly Violation[], verbose: boolean): string[] {
  const lines: string[] = []
  const left = [...violations]
  const mark = (until: number): void => {
    while (left[0] !== undefined && left[0].t < until) {
      const { t, invariant, text } = left.shift() as Violation
      lines.push(line(t, '!!!!', `${invariant} IS VIOLATED: ${text}`))
    }
  }
  const isolates = isolatesOf(events)
  for (const event of events) {
    mark(event.t)
    if (!verbose && VERBOSE.includes(event.type)) continue
    const { isolate, request } = isolates(event)
    const who = isolate === undefined ? '' : `i${isolate}${request === undefined ? '' : `/r${request}`}`
    lines.push(line(event.t, who, says(event)))
  }
  mark(Infinity)
  return lines
}

const line = (t: number, who: string, what: string): string =>
  `${t.toFixed(0).padStart(9)}  ${who.padEnd(8)}  ${what}`

interface Who {
  readonly isolate?: number | undefined
  readonly request?: number | undefined
}

/** Whose event it is: an answer belongs to the isolate that asked. */
function isolatesOf(events: readonly TraceEvent[]): (event: TraceEvent) => Who {
  const reads = new Map<number, Who>()
  const writes = new Map<number, Who>()
  const loads = new Map<number, Who>()
  const calls = new Map<number, Who>()
  for (const event of events) {
    if (event.type === 'read') reads.set(event.read, event)
    else if (event.type === 'write') writes.set(event.write, event)
    else if (event.type === 'load') loads.set(event.load, event)
    else if (event.type === 'asked') calls.set(event.call, event)
  }
  return (event) => {
    if ('isolate' in event) return event
    if (event.type === 'served' || event.type === 'threw') return reads.get(event.read) ?? {}
    if ('write' in event) return writes.get(event.write) ?? {}
    if ('load' in event) return loads.get(event.load) ?? {}
    return 'call' in event ? (calls.get(event.call) ?? {}) : {}
  }
}

type Sayings = {
  readonly [Type in TraceEvent['type']]?: (event: Extract<TraceEvent, { type: Type }>) => string
}

const SAYINGS: Sayings = {
  isolate: ({ seat, plan }) => `comes to life in seat ${seat} ${rest(plan, [])}`,
  commit: ({ space, key, version }) => `${space}/${key} is version ${version} at its source`,
  write: ({ write, how, space, key, version, evicts, pattern = '' }) =>
    `write ${write}: ${how} of ${space}/${key}, version ${version}, evicts ${evicts} ${pattern}`,
  acknowledged: ({ write, partition, offset }) =>
    `write ${write} is acknowledged${offset === undefined ? '' : `, at ${partition}-${offset}`}`,
  unacknowledged: ({ write, code }) => `write ${write} fails: ${code}`,
  read: ({ read, how, space, keys, after }) =>
    `read ${read}: ${how} of ${space}/${keys.join(', ')}${after ? ` after write ${after.write} at ${after.partition}-${after.offset}` : ''}`,
  served: ({ read, key, row, from = 'nowhere', flagged, bypassed, stored }) => {
    const how = [from, flagged, bypassed && 'bypassed', stored && 'stored'].filter(Boolean).join(', ')
    return `read ${read} gets ${key}: ${shown(row)} from ${how}`
  },
  threw: ({ read, code }) => `read ${read} fails: ${code}`,
  load: ({ load, space, key }) => `load ${load} of ${space}/${key}`,
  loaded: ({ load, row, error }) => `load ${load} ends: ${error ?? shown(row)}`,
  says: ({ event }) => `says ${event.type} ${rest(event, [])}`,
  holds: ({ space, key, row }) => `holds ${space}/${key}: ${shown(row)}`,
  fault: (event) => `FAULT ${event.fault} ${rest(event, ['fault', 'isolate'])}`,
}

function says(event: TraceEvent): string {
  const saying = SAYINGS[event.type] as ((event: TraceEvent) => string) | undefined
  return saying?.(event) ?? `${event.type} ${rest(event, ['isolate', 'request'])}`
}

const shown = (row: Row | undefined): string =>
  row === undefined ? 'nothing' : `version ${row.version}, read at ${row.readAt}`

/** What is left of an event, in short. */
function rest(event: object, without: readonly string[]): string {
  return Object.entries(event)
    .filter(([name, value]) => !['t', 'type', ...without].includes(name) && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
