/**
 * What proofs cost in processor time, on this machine: user and system of the whole process, and of every thread of it.
 *
 * @module
 */
import { decodeProof, encodeProof } from '../../../adapters/sharing/tail/proof.ts'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import { tail } from '../../../adapters/sharing/tail.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import { Clock } from '../../../src/runtime/clock.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { medianOf } from '../statistics.ts'

/** Milliseconds, and how many there may be. */
export interface Cost {
  readonly name: string
  readonly most: number
  readonly got: number
  readonly unit: 'ms'
}

const TOPIC = 'cache-evictions'
const SECRET = 'YmVuY2htYXJr'.repeat(4)
const PLACE = { topic: TOPIC, partition: 0 }
/** What an adopted document has, in characters, and the largest that a store takes. */
const [SMALL, LARGE] = [1000, 65_536]
const QUESTIONS = 400
const GOES = 5

export async function measureCosts(quick: boolean, progress: (text: string) => void): Promise<Cost[]> {
  progress('processor time')
  const amount = quick ? 200 : 2000
  return [
    { name: 'CPU of a poll that adopts', most: 0.3, got: await adopting(amount), unit: 'ms' },
    { name: 'CPU to decode 64 KiB', most: 1, got: await decoding(quick ? 20 : 200), unit: 'ms' },
    {
      name: `CPU of a tail at ${QUESTIONS} questions / s, a second`,
      most: 40,
      got: await answering(quick ? 1 : 4),
      unit: 'ms',
    },
  ]
}

/** `match`, the signature, the parse, and the age. */
async function adopting(amount: number): Promise<number> {
  const { log, state } = await worldOf(SMALL)
  const entries = new Map<string, string>()
  const shared = tail({
    origin: log,
    ask: (path) => answerTail(state, new Request(`https://tail${path}`)),
    store: {
      get: async (name) => entries.get(name),
      put: async (name, text) => void entries.set(name, text),
    },
    secret: SECRET,
  })
  const clock = new Clock(systemRuntime())
  const poll = () => shared.offsets(TOPIC, { partitions: [0], maxAgeMs: 60_000, clock })
  await poll()
  await shared.settled!()
  const before = state.stats().questions
  const ms = await cpuMsOf(amount, poll)
  if (state.stats().questions > before) throw new Error('a poll asked the tail')
  return ms
}

async function decoding(amount: number): Promise<number> {
  const { state } = await worldOf(LARGE)
  const text = encodeProof(await state.proof({ ...PLACE, maxAgeMs: 0, from: 0 }))
  if (Math.abs(text.length - LARGE) > LARGE / 20) throw new Error(`a document of ${text.length} characters`)
  return cpuMsOf(amount, async () => {
    if (decodeProof(text) === undefined) throw new Error('no proof')
  })
}

/** At this pace, in real time: samples and pauses are in it. */
async function answering(seconds: number): Promise<number> {
  const { state } = await worldOf(SMALL)
  const url = `https://tail/tail/${TOPIC}/0?max_age=250&question=q&held=1`
  const ask = async (): Promise<void> => {
    const answer = await answerTail(state, new Request(url))
    if (answer.status !== 200) throw new Error(`the tail answers ${answer.status}`)
    await answer.text()
  }
  // In tens, forty of them a second.
  const second = async (): Promise<void> => {
    for (let at = 0; at < 40; at++) {
      await Promise.all(Array.from({ length: QUESTIONS / 40 }, ask))
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  await second()
  const before = process.cpuUsage()
  for (let at = 0; at < seconds; at++) await second()
  return msSince(before) / seconds
}

/** A log whose records take about so many characters in a document, and a tail that has followed it from its beginning. */
async function worldOf(chars: number): Promise<{ log: KafkaLog; state: TailState }> {
  const on = new MemoryLog({ topics: { [TOPIC]: 1 } })
  const log = memory({ on })
  const value = new TextEncoder().encode(JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: ['4711'] }))
  const state = new TailState({ log })
  await state.proof({ ...PLACE, maxAgeMs: 0 })
  // What base64 makes of it, and what stands around it.
  const each = Math.ceil(value.length / 3) * 4 + 32
  for (let left = chars; left > 0; left -= each) on.append(TOPIC, { key: null, value, partition: 0 })
  return { log, state }
}

/** Milliseconds each: the median of some goes, of which the first is left out. */
async function cpuMsOf(amount: number, work: () => Promise<unknown>): Promise<number> {
  const goes: number[] = []
  for (let go = 0; go <= GOES; go++) {
    const before = process.cpuUsage()
    for (let at = 0; at < amount; at++) await work()
    goes.push(msSince(before) / amount)
  }
  return medianOf(goes.slice(1))
}

function msSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
