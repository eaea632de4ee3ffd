/** `kedge tail`: the records of a topic, one line each. @module */
import type { Command } from 'commander'
import { Argument } from 'commander'
import type { Codec } from '../src/wire/codec.ts'
import { decodeRecord } from '../src/coherence/apply-eviction.ts'
import { readBatch } from '../src/runtime/consumer.ts'
import { isKedgeError } from '../src/ports/errors.ts'
import { backoffMs, retry } from '../src/runtime/retry.ts'
import type { KafkaLog, LogRecord, PartitionOffsets, Position } from '../src/ports/kafka-log.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { EXIT, sentence, UsageError } from './failure.ts'
import { didYouMean } from './did-you-mean.ts'
import { withTopic } from './missing-topic.ts'
import { codecOf, logOf, MAX_MESSAGE_BYTES } from './proxy.ts'
import { endsOf, readRange } from './read-range.ts'
import { evictionSaid, evictionLine, updateIn, updateLine } from './record-line.ts'
import type { Session } from './session.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import { evictionsTopic, updatesTopic } from './settings/topics.ts'
import { plain } from './terminal.ts'
import { resolveSettings } from './resolved-settings.ts'

const SETTINGS = [...PROXY_SETTINGS, evictionsTopic, updatesTopic]
const LONG_POLL_MS = 20_000
const PAUSE_MS = 1000
const BACKOFF = { firstMs: 2000, maxMs: 30_000 }

interface Flags {
  readonly follow?: boolean
  readonly from: string
  readonly json?: boolean
}

/** The topic that the tail shows. */
interface Shown {
  readonly log: KafkaLog
  readonly topic: string
  readonly role: 'evictions' | 'updates'
  readonly isolation: 'committed' | 'uncommitted'
  readonly show: (record: LogRecord) => Promise<void>
}

export function tailCommand(session: Session, done: Done): Command {
  return command('tail', 'Shows evictions or updates, one line each, and flags unreadable ones.', SETTINGS)
    .addArgument(new Argument('[topic]', 'which topic: evictions, or updates').default('evictions'))
    .option('-f, --follow', 'after the end, wait for further records')
    .option(
      '--from <offset>',
      'where to begin in each partition: -10 for the last ten, an offset, beginning or end',
      '-10',
    )
    .option('--json', 'print one JSON object a line')
    .action(async (topicArgument: string, flags: Flags, from: Command) => {
      const which = topicOf(topicArgument)
      const start = startOf(flags.from)
      const values = await resolveSettings(from, SETTINGS, session)
      const log = await logOf(values, session, { showsAll: true })
      const topic = values.get(which === 'updates' ? updatesTopic : evictionsTopic)
      const show = shower(session, await codecOf(), which, flags.json ?? false)
      const isolation = which === 'updates' ? 'committed' : 'uncommitted'
      try {
        done(await tail({ log, topic, role: which, isolation, show }, start, flags.follow ?? false, session))
      } catch (error) {
        // The user ended the tail by a signal: that is no error.
        if (!flags.follow || !session.stop.aborted) throw error
      } finally {
        await log.close?.().catch(() => undefined)
      }
    })
}

async function tail(shown: Shown, start: Start, follow: boolean, session: Session): Promise<number> {
  const { runtime, stop: signal, terminal } = session
  const bounds = await withTopic(shown.role, shown.topic, shown.log.offsets(shown.topic, { signal }))
  const onGap = (partition: number, at: number) =>
    terminal.warn(`partition ${partition}: retention has deleted the next records; going on at ${at}`)
  const left = await readRange(
    shown.log,
    { ...shown, from: bounds.map((each) => start(each)), ends: endsOf(bounds) },
    { runtime, signal, take: shown.show, onGap },
  )
  const short = left.filter(({ partition, offset }) => offset < (endsOf(bounds).get(partition) ?? 0))
  for (const { partition, offset } of short)
    terminal.warn(
      `partition ${partition}: nothing could be read from ${offset} on, although there is something`,
    )
  if (follow) await goOn(shown, left, session)
  return short.length > 0 ? EXIT.failed : EXIT.ok
}

/** Reads until the process gets a signal to end. Retries a failing proxy with growing pauses. */
async function goOn(shown: Shown, from: readonly Position[], session: Session): Promise<never> {
  const { runtime, stop: signal, terminal } = session
  const { log, topic, isolation } = shown
  let at = from
  const round = async () => {
    const began = runtime.monotonic()
    const waitMs = log.capabilities.longPoll ? LONG_POLL_MS : 0
    const fetch = { maxBytes: 1_000_000, waitMs }
    const { records, next, outOfRange } = await readBatch({ log, topic, isolation }, at, fetch, signal)
    for (const record of records) await shown.show(record)
    const gaps = outOfRange.length > 0 ? await log.offsets(topic, { partitions: outOfRange, signal }) : []
    for (const { partition, beginning } of gaps)
      terminal.warn(
        `partition ${partition}: the log is another, or retention was quicker; going on at ${beginning}`,
      )
    const restarts = new Map(gaps.map(({ partition, beginning }) => [partition, beginning]))
    at = at.map(({ partition, offset }) => ({
      partition,
      offset: restarts.get(partition) ?? next.get(partition) ?? offset,
    }))
    // A proxy that answers at once with nothing gets a pause, with or without long polls.
    const early = PAUSE_MS - (runtime.monotonic() - began)
    if (records.length === 0 && early > 0) await runtime.sleep(early, signal)
  }
  const pauseAfter = (error: unknown, failures: number) => {
    if (!isKedgeError(error) || !error.retryable) throw error
    if (failures === 0) terminal.warn(`kedge: ${sentence(error)}; trying again`)
    return backoffMs(BACKOFF, failures)
  }
  for (;;) await retry(runtime, round, pauseAfter, signal)
}

function shower(
  session: Session,
  codec: Codec,
  which: 'evictions' | 'updates',
  asJson: boolean,
): Shown['show'] {
  const { terminal } = session
  const line = which === 'updates' ? updateLine : evictionLine
  return async (record) => {
    const decoded = await decodeRecord(record, codec, MAX_MESSAGE_BYTES)
    if (!asJson) {
      terminal.say(line(decoded, terminal))
      return
    }
    const { partition, offset, timestamp } = record
    const what =
      which === 'updates' ? { update: updateIn(decoded) ?? null } : { eviction: evictionSaid(decoded) }
    const unreadable = decoded.error !== undefined
    terminal.say(JSON.stringify({ partition, offset, timestamp, ...(unreadable && { unreadable }), ...what }))
  }
}

const TOPICS = ['evictions', 'updates'] as const

/** The topic that the user's word names. */
function topicOf(given: string): (typeof TOPICS)[number] {
  const found = TOPICS.find((each) => each === given)
  if (found !== undefined) return found
  throw new UsageError(
    `tail shows evictions or updates, not "${plain(given).slice(0, 40)}"${didYouMean(given, TOPICS)}`,
  )
}

type Start = (bounds: PartitionOffsets) => Position

function startOf(given: string): Start {
  if (given === 'beginning') return ({ partition, beginning }) => ({ partition, offset: beginning })
  if (given === 'end') return ({ partition, end }) => ({ partition, offset: end })
  if (!/^-?\d{1,15}$/.test(given))
    throw new UsageError(`--from must be -10, an offset, beginning or end, got "${given.slice(0, 40)}"`)
  const back = given.startsWith('-')
  const count = Math.abs(Number(given))
  return ({ partition, beginning, end }) => ({
    partition,
    offset: Math.max(beginning, back ? end - count : Math.min(count, end)),
  })
}
