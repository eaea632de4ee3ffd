/**
 * Debezium's change events, in the JSON of Kafka Connect, with and without its schema.
 *
 * Sources: Debezium's documentation of its connectors ("Data change events", "Tombstone events", "Transaction metadata",
 * "Schema change topic", "heartbeat.interval.ms", `skipped.operations`), and `JsonSchema.ENVELOPE_SCHEMA_FIELD_NAME` of
 * Kafka Connect.
 *
 * @module
 */
import { textOf } from './key-text.ts'
import { UnusableRecord } from './unusable-record.ts'

/** A change: the row now (`undefined` when deleted) and the row before, if the event has it. */
export interface Change {
  readonly row: object | undefined
  readonly before: object | undefined
  /** The row as MongoDB's connector writes it: a text. */
  readonly text: string | undefined
}

/** Stands for a column that PostgreSQL did not log, as it had not changed and is stored out of line (TOAST). */
const UNAVAILABLE = '__debezium_unavailable_value'
const UPSERTS: ReadonlySet<unknown> = new Set(['c', 'u', 'r'])

/** What stands in the envelope `{"schema":…,"payload":…}`, or the value itself where there is none. */
export function payloadOf(value: unknown): unknown {
  if (!isObject(value)) return value
  const { schema, payload, ...others } = value as { schema?: unknown; payload?: unknown }
  if (payload === undefined || Object.keys(others).length > 0) return value
  const described = schema === null || (isObject(schema) && 'type' in schema)
  return described ? payload : value
}

/**
 * The key of a row as one text: of one column its value, of several their values with `:` between them, in which `%` and
 * `:` are written `%25` and `%3A`, and a null `%00`. So two rows of a table never have the same one.
 *
 * `undefined` where the key is not made of texts, numbers and truths.
 *
 * @param text the record's key, for one that a transform has made of a column: it stands as it is, without JSON's quotes
 */
export function keyOf(key: unknown, text: string | undefined): string | undefined {
  if (!isObject(key)) {
    if (key === null || Array.isArray(key)) return undefined
    return textOf(typeof key === 'string' ? key : text)
  }
  const columns: unknown[] = Object.values(key)
  if (columns.length === 1) return textOf(columns[0])
  const parts = columns.map((column) => {
    if (column === null) return '%00'
    return column === '' ? '' : textOf(column)?.replaceAll('%', '%25').replaceAll(':', '%3A')
  })
  return parts.length === 0 || parts.includes(undefined) ? undefined : parts.join(':')
}

/**
 * The change that an event stands for; `undefined` for records that say nothing of a row: borders of transactions,
 * heartbeats, changes of a schema, messages that an application wrote into the log of its database.
 *
 * @param parse reads the JSON in a text
 */
export function changeOf(
  event: unknown,
  parse: (text: string) => unknown,
): Change | UnusableRecord | undefined {
  if (!isObject(event)) return notAnEvent()
  const { op, before, after } = event as { op?: unknown; before?: unknown; after?: unknown }
  if (op === 'm') return undefined
  if (op === 't')
    return new UnusableRecord(
      'truncate',
      'the table was truncated (op t): its rows stay in the store until they are deleted there',
    )
  if (op === undefined && !('before' in event) && !('after' in event))
    return isNotice(event) ? undefined : notAnEvent()
  const was = rowOf(before, parse)
  const isGone = op === 'd' || (op === undefined && after == null && was.row !== undefined)
  if (isGone) return { row: undefined, before: was.row, text: undefined }
  if (op !== undefined && !UPSERTS.has(op))
    return new UnusableRecord('operation', `the operation ${said(op)} is not known: c, u, r, d and t are`)
  const now = rowOf(after, parse)
  if (now.row === undefined)
    return new UnusableRecord(
      'missing',
      `the event (op ${said(op)}) does not say what the row is now: after is no row`,
    )
  return { row: now.row, before: was.row, text: now.text }
}

/** The first column of these whose value was not in the event. */
export function unavailableIn(value: unknown): string | undefined {
  if (value === UNAVAILABLE) return 'the field'
  if (!isObject(value)) return undefined
  return Object.entries(value).find(([, column]) => column === UNAVAILABLE)?.[0]
}

/** MongoDB's connector writes documents as texts of extended JSON. */
function rowOf(
  row: unknown,
  parse: (text: string) => unknown,
): { readonly row: object | undefined; readonly text: string | undefined } {
  if (typeof row !== 'string') return { row: isObject(row) ? row : undefined, text: undefined }
  const parsed = parse(row)
  return isObject(parsed) ? { row: parsed, text: row } : { row: undefined, text: undefined }
}

/** Not of a row: of a transaction, of a schema, or a heartbeat, which has times alone. */
function isNotice(event: object): boolean {
  const { status, id } = event as { status?: unknown; id?: unknown }
  if ((status === 'BEGIN' || status === 'END') && typeof id === 'string') return true
  if ('tableChanges' in event || ('ddl' in event && 'source' in event)) return true
  const names = Object.keys(event)
  return names.includes('ts_ms') && names.every((name) => /^ts_(?:ms|us|ns)$/.test(name))
}

const notAnEvent = () =>
  new UnusableRecord(
    'undecodable',
    'it is no change event of Debezium: it has no op (what ExtractNewRecordState has flattened is format json)',
  )

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && textOf(value) === undefined

const said = (op: unknown): string => (typeof op === 'string' ? `"${op.slice(0, 20)}"` : 'that is absent')
