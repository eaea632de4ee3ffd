/** How much each event matters. @module */
import type { TypedEvent } from './event-fields.ts'
import type { LogLevel } from './log-line.ts'

type Levelled = LogLevel | ((event: Readonly<Record<string, unknown>>) => LogLevel)

/** Quiet, but for one that has failed. */
const failing =
  (level: LogLevel): Levelled =>
  ({ error }) =>
    error === undefined ? 'debug' : level

/** Where something begins for the first time, and where it begins again. */
const beginning: Levelled = ({ reason }) => (reason === 'start' || reason === 'new' ? 'info' : 'warn')

/** Of caches, then of services; `batch` and `begin` are of several. */
const LEVELS: Readonly<Record<string, Levelled>> = {
  hit: 'debug',
  miss: 'debug',
  load: failing('error'),
  ask: ({ error, because }) => (error !== undefined ? 'warn' : because === undefined ? 'debug' : 'info'),
  takeover: 'info',
  refuse: 'warn',
  drop: 'debug',
  poll: 'debug',
  poll_failed: 'warn',
  proxy_too_slow: 'warn',
  reanchor: beginning,
  evict: 'debug',
  unreadable: 'warn',
  publish: 'debug',
  publish_failed: 'error',
  horizon: 'info',
  token_ahead: 'info',
  tier: failing('warn'),
  tier_state: ({ state }) => (state === 'closed' ? 'info' : 'warn'),
  clock_back: 'warn',
  short_ttl: 'warn',
  background_error: 'error',

  begin: beginning,
  went_back: 'warn',
  lost: 'error',
  progress: 'info',
  caught_up: 'info',
  stalled: 'warn',
  batch: 'debug',
  partitions: 'warn',
  key_moved: 'warn',
  store_failed: 'warn',
  log_failed: 'warn',
  hook_failed: 'warn',
  store_waits: 'warn',
  log_waits: 'warn',
  hook_waits: 'warn',
  store_recovered: 'info',
  log_recovered: 'info',
  hook_recovered: 'info',
  unusable: 'warn',
  suspect_time: 'warn',
  dead_letters_lost: 'error',
  apply: 'debug',
  failed: 'warn',

  batch_failed: 'error',
  request_dropped: 'warn',
  requests_unread: 'warn',
  requests_skipped: 'warn',
  request_unreadable: 'warn',

  persisted: 'debug',
  persist_failed: 'error',
  dead_letter: 'error',
  writes_lost: 'error',
  step_failed: 'warn',
}

/** The types of events that are known here. */
export const EVENT_TYPES: readonly string[] = Object.keys(LEVELS)

/** Types whose events always have a line: a sample of them would hide what an operator has to see. */
export const isAlwaysTold = (type: string): boolean => LEVELS[type] === 'warn' || LEVELS[type] === 'error'

export function levelOf(event: TypedEvent): LogLevel {
  const { error } = event as { error?: unknown }
  const level = Object.hasOwn(LEVELS, event.type) ? LEVELS[event.type]! : failing('error')
  return typeof level === 'function' ? level({ ...event, error }) : level
}
