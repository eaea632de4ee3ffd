/** Records of the topics as lines for people. @module */
import type { DecodedRecord } from '../src/coherence/apply-eviction.ts'
import type { Arrived } from '../src/wire/read-update.ts'
import type { Eviction } from '../src/wire/read-eviction.ts'
import { readEviction } from '../src/wire/read-eviction.ts'
import { readUpdate } from '../src/wire/read-update.ts'
import { NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import { lengthOf, plain, quoted } from './terminal.ts'
import type { Terminal } from './terminal.ts'

const MAX_VALUE = 120
const MAX_IDS = 20

/** The command does not know which namespaces are in use: it takes every valid name for one. */
export const mayBeNamespace = (name: string): boolean => NAMESPACE_PATTERN.test(name)

/**
 * The eviction in a record. It leaves out the numbers that the bytes of a key may also mean: nearly all keys
 * are text, and a line that shows both is hard to read.
 */
export const evictionSaid = ({ message, recordKey, error }: DecodedRecord): Eviction =>
  readEviction(error === undefined ? message : null, recordKey, mayBeNamespace)

/** The update in a record; `undefined` when it names no key. Values without a TTL live as long as their namespace says. */
export function updateIn(decoded: DecodedRecord): Arrived | undefined {
  return readUpdate(decoded.message, decoded.recordKey, mayBeNamespace, () => Infinity)
}

/** `2026-11-21T09:00:00.000Z  0@42`, with the time of the log, where the proxy returns it. */
export function placeOf({ record: { partition, offset, timestamp } }: DecodedRecord): string {
  const time = timestamp === undefined ? '' : `${instant(timestamp)}  `
  return `${time}${`${partition}@${offset}`.padEnd(6)}`
}

/** A time from a message: its number may be no valid time. */
export function instant(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'no time at all' : date.toISOString()
}

export function evictionLine(decoded: DecodedRecord, terminal: Terminal): string {
  const eviction = evictionSaid(decoded)
  const place = terminal.paint('dim', placeOf(decoded))
  if (eviction.unreadable || decoded.message === undefined)
    return `${place}  ${flag(eviction.unreadable, terminal)}  evicts, to be safe: ${safely(eviction)}`
  if (eviction.empty) return `${place}  ${terminal.paint('dim', 'beat')}`
  const [word, what] = said(eviction)
  return `${place}  ${terminal.paint('cyan', word)}  ${what}`
}

const flag = (unreadable: boolean, terminal: Terminal): string =>
  unreadable ? terminal.paint('red', '! unreadable') : terminal.paint('yellow', '! no message')

/** The text for what an eviction evicts. */
export function said(eviction: Eviction): [word: 'evict' | 'clear', what: string] {
  const { namespace, all, keys, tags, prefixes, version, announcedBy } = eviction
  const where = namespace ?? 'every namespace'
  if (all) return ['clear', namespace ?? 'everything']
  const parts = [list('key', keys), list('tag', tags), list('prefix', prefixes)].filter((part) => part !== '')
  if (version !== undefined) parts.push(`older than version ${version}`)
  if (announcedBy !== undefined) parts.push('its TTL ended')
  return ['evict', `${where}  ${parts.join('  ')}`]
}

function safely(eviction: Eviction): string {
  if (eviction.all && eviction.namespace !== undefined) return `the namespace ${eviction.namespace}`
  const [, what] = said(eviction)
  return eviction.clears.length === 0 ? what : `${what}, and the namespace ${eviction.clears.join(', ')}`
}

const PLURALS = { key: 'keys', tag: 'tags', prefix: 'prefixes' } as const

function list(what: keyof typeof PLURALS, ids: readonly string[]): string {
  if (ids.length === 0) return ''
  const more = ids.length > MAX_IDS ? ` and ${ids.length - MAX_IDS} more` : ''
  return `${ids.length === 1 ? what : PLURALS[what]} ${ids.slice(0, MAX_IDS).map(quoted).join(', ')}${more}`
}

export function updateLine(decoded: DecodedRecord, terminal: Terminal): string {
  const update = updateIn(decoded)
  const place = terminal.paint('dim', placeOf(decoded))
  const unreadable = decoded.error !== undefined || (update?.kind === 'drop' && update.unreadable)
  if (update === undefined) return `${place}  ${flag(unreadable, terminal)}  names no key`
  const key = `${update.namespace ?? 'every namespace,'}${update.namespace === undefined ? ' ' : '/'}${quoted(update.key)}`
  if (unreadable || decoded.message === undefined)
    return `${place}  ${flag(unreadable, terminal)}  drops, to be safe: ${key}`
  if (update.kind === 'drop') {
    const asOf = update.asOf === undefined ? '' : `  as of ${update.asOf}`
    return `${place}  ${terminal.paint('cyan', 'del')}  ${key}${asOf}`
  }
  const life = update.ttlMs === Infinity ? 'ttl of its namespace' : `ttl ${lengthOf(update.ttlMs)}`
  const asOf = update.asOf === undefined ? 'simple' : `as of ${update.asOf}`
  return `${place}  ${terminal.paint('cyan', 'put')}  ${key}  ${life}  ${asOf}  ${valueText(update.value, MAX_VALUE)}`
}

/** A value on one line, cut where it is long. */
export function valueText(value: unknown, most: number): string {
  const text = plain(JSON.stringify(value) ?? 'undefined')
  return text.length > most ? `${text.slice(0, most)}…` : text
}
