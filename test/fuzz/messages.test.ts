/** What reads single messages: requests, writes, groups of values, lines for a terminal. Read at once, or refused. */
import { describe, it } from 'vitest'
import { updateLine, evictionLine } from '../../cli/record-line.ts'
import { json } from '../../src/wire/codec.ts'
import type { DecodedRecord } from '../../src/coherence/apply-eviction.ts'
import { readGroup } from '../../src/wire/batch-message.ts'
import { readEviction } from '../../src/wire/read-eviction.ts'
import { readRequest } from '../../src/wire/read-request.ts'
import { readUpdate } from '../../src/wire/read-update.ts'
import { readWrite } from '../../src/wire/write-message.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import { EVICTIONS, REQUESTS, STRANGE, UPDATES, WRITES } from './corpus.ts'
import type { Dice } from './dice.ts'
import { mutant } from './mutation.ts'

const ALL = [...UPDATES, ...REQUESTS, ...WRITES, ...EVICTIONS]
const encoder = new TextEncoder()

const make = (dice: Dice, kept: string | undefined): Uint8Array =>
  kept === undefined && dice.chance(0.98) ? mutant(ALL, dice) : encoder.encode(kept ?? dice.pick(STRANGE))

/** The value in the bytes; `undefined` where they hold none, as for the cache. */
function decoded(bytes: Uint8Array): unknown {
  try {
    return json.decode(bytes)
  } catch {
    return undefined
  }
}

const isOffset = (value: unknown): boolean =>
  value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)
const isTime = (value: unknown): boolean =>
  value === undefined || (Number.isFinite(value) && Number(value) >= 0)
const isKey = (value: unknown): boolean =>
  typeof value === 'string' && value.length > 0 && value.length <= 512
const isName = (value: unknown): boolean => typeof value === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(value)

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${what} is not what it may be`)
}

function feed(bytes: Uint8Array): string {
  const message = decoded(bytes)
  const request = readRequest(message)
  if (request) {
    must(isName(request.ns) && isKey(request.key) && isTime(request.deadline), 'a request')
    must(isOffset(request.end) && isOffset(request.asOf), "a request's position")
  }
  const write = readWrite(message)
  if (write) {
    must(isName(write.ns) && isKey(write.key) && isTime(write.at) && write.id.length > 0, 'a write')
    must((write.value === undefined) === (write.deleted === true), 'a write')
  }
  const group = readGroup(message, undefined)
  for (const { namespace, key, ttlMs, at, asOf } of group ?? []) {
    must(isName(namespace) && isKey(key) && ttlMs > 0 && ttlMs < Infinity, "a domain's value")
    must(isTime(at) && isOffset(asOf), "a domain's value")
  }
  const update = readUpdate(
    message,
    'users/7',
    (name) => name === 'users',
    () => 300_000,
  )
  if (update?.kind === 'value') {
    must(
      isName(update.namespace) && isKey(update.key) && update.ttlMs >= 0 && update.ttlMs < Infinity,
      'an update',
    )
    must(isTime(update.at) && isOffset(update.asOf), 'an update')
    must(update.version === undefined || Number.isSafeInteger(update.version), "an update's version")
  }
  const eviction = readEviction(message, 'users', (name) => name === 'users')
  must(eviction.version === undefined || Number.isSafeInteger(eviction.version), "an eviction's version")
  must(
    eviction.intent === undefined || (eviction.intent.ttlMs > 0 && eviction.intent.ttlMs <= 600_000),
    'an intent',
  )
  if (request) return 'request'
  if (write) return 'write'
  if (group) return 'group'
  return update?.kind === 'value' ? 'value' : 'none'
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 1000)).toString('latin1')

describe('a message', () => {
  it(called('messages', 'is read as it was meant, or as none'), TIMEOUT, async () => {
    await run({
      decoder: 'messages',
      make,
      feed,
      show: latin1,
      sees: ['request', 'write', 'group', 'value', 'none'],
    })
  })

  it(
    called('terminal', 'is shown on one line that cannot command a terminal, whatever is in it'),
    TIMEOUT,
    async () => {
      const terminal = { paint: (_: string, text: string) => text } as unknown as Parameters<
        typeof updateLine
      >[1]
      await run({
        decoder: 'terminal',
        make,
        feed: (bytes, dice) => {
          const message = decoded(bytes)
          const record: DecodedRecord = {
            record: {
              partition: 0,
              offset: 1,
              key: null,
              value: bytes,
              timestamp: dice.pick([0, -1, 1e300, Number.NaN]),
            },
            message,
            recordKey: dice.pick([undefined, 'users', 'users/7', '\u001b[2J', '\ud800']),
            error: message === undefined ? new Error('unreadable') : undefined,
          }
          for (const line of [updateLine(record, terminal), evictionLine(record, terminal)]) {
            // oxlint-disable-next-line no-control-regex
            if (/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/.test(line))
              throw new Error('it is not one plain line')
            if (line.length > 30_000) throw new Error('the line is too long')
          }
          return message === undefined ? 'unreadable' : 'shown'
        },
        show: latin1,
        sees: ['unreadable', 'shown'],
      })
    },
  )
})
