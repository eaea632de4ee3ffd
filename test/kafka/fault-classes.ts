/**
 * The faults: each strikes in the middle of the work it names, and returns whether it did.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from './broker.ts'
import type { GatewayProcess } from './fault-gateway.ts'
import type { Place } from './fault-plan.ts'
import type { Call, Traffic } from './fault-traffic.ts'
import type { Stream, Toxic, ToxicWire } from './toxiproxy.ts'

/** What faults strike, and what they see of it. */
export interface Stage {
  readonly broker: Broker
  readonly gateway: GatewayProcess
  /** Between each isolate and the gateway. */
  readonly wires: readonly ToxicWire[]
  readonly traffic: Traffic
  /** How long the broker is frozen. */
  readonly freezeMs: number
  /** Writers pause while this is set, so that long polls wait. */
  quiet: boolean
}

interface FaultRound {
  readonly stage: Stage
  /** This fault's own, so that the order in which faults of one round take from it is no matter. */
  readonly random: () => number
  /** What else is struck in this round. */
  readonly also: ReadonlySet<Place>
}

/** What it did; `undefined` when there was nothing to strike at. */
type Fault = (round: FaultRound) => Promise<string | undefined>

export interface FaultClass {
  readonly place: Place
  readonly strike: Fault
}

const between = (random: () => number, low: number, high: number): number =>
  Math.round(low + random() * (high - low))
/** Puts a toxic on several wires; the answer takes it off. */
async function poison(
  wires: readonly ToxicWire[],
  stream: Stream,
  toxic: Toxic,
): Promise<() => Promise<void>> {
  const added = await Promise.all(wires.map((wire) => wire.add(stream, toxic)))
  return async () => void (await Promise.all(added.map((one) => one.remove())))
}

/** Some of the isolates: one alone is cut off while others write, or all of them. */
function someLines(random: () => number, wires: readonly ToxicWire[]): number[] {
  const all = wires.map((_, line) => ({ line, at: random() })).sort((a, b) => a.at - b.at)
  return all.slice(0, oneOf(random, [1, 1, 2, wires.length])).map(({ line }) => line)
}

const oneOf = <T>(random: () => number, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)] as T

/** A broker that is killed now and then needs another go: its old sessions have not ended. */
const STARTS = 3

const brokerKilled: Fault = async ({ stage: { broker, traffic }, random }) => {
  const calls = await traffic.caught('publish')
  broker.kill()
  await sleep(between(random, 100, 1500))
  for (let starts = 1; ; starts++) {
    try {
      await broker.restart()
      break
    } catch (error) {
      if (starts === STARTS) throw error
    }
  }
  return calls.length > 0 ? 'with publishes under way' : undefined
}

const brokerFrozen: Fault = async ({ stage: { broker, traffic, freezeMs } }) => {
  const calls = await traffic.caught('publish')
  broker.pause()
  await sleep(freezeMs)
  broker.resume()
  return calls.length > 0 ? 'with publishes under way' : undefined
}

/** Whether the kill ended any of the calls that were under way then. */
async function broke(calls: readonly Call[]): Promise<boolean> {
  const deadline = performance.now() + 5000
  while (calls.some(({ outcome }) => outcome === 'under way') && performance.now() < deadline) await sleep(5)
  return calls.some(({ outcome }) => outcome === 'broken')
}

const midProduce: Fault = async ({ stage: { broker, gateway, wires, traffic }, random, also }) => {
  // A broker that is struck by another fault cannot be held here.
  const half = also.has('broker') || random() < 0.5
  // Some 400 bytes in pieces of 8, 4 ms apart: a request takes about 200 ms to come in.
  const slicer = { average_size: 8, size_variation: 4, delay: 4000 }
  const clear = half ? await poison(wires, 'upstream', { type: 'slicer', attributes: slicer }) : undefined
  // Whatever is asked of the broker now has been sent, and is carried out once the gateway is gone.
  if (!half) broker.pause()
  let calls: Call[]
  try {
    calls = await traffic.caught('publish', half ? 40 : 100)
    await gateway.kill()
  } finally {
    if (!half) broker.resume()
    await clear?.()
  }
  await sleep(between(random, 50, 500))
  await gateway.start()
  if (!(await broke(calls))) return undefined
  return half ? 'half of the request is in' : 'the records are at the broker'
}

const midPoll: Fault = async ({ stage, random, also }) => {
  const { broker, gateway, traffic } = stage
  const waits = also.has('broker') || random() < 0.5
  if (waits) stage.quiet = true
  else broker.pause()
  let calls: Call[]
  try {
    calls = await traffic.caught('poll', 100)
    await gateway.kill()
  } finally {
    if (waits) stage.quiet = false
    else broker.resume()
  }
  await sleep(between(random, 50, 500))
  await gateway.start()
  if (!(await broke(calls))) return undefined
  return waits ? 'a poll waits for news' : 'a poll waits for the broker'
}

const gatewayFrozen: Fault = async ({ stage: { gateway, traffic }, random }) => {
  const calls = await traffic.caught('publish')
  gateway.pause()
  await sleep(between(random, 500, 2500))
  gateway.resume()
  return calls.length > 0 ? 'with publishes under way' : undefined
}

const STREAMS: readonly Stream[] = ['upstream', 'downstream']

/** How connections end: what each is called, and the toxic that does it. */
const CUTS: readonly [string, (random: () => number) => Toxic][] = [
  ['reset', (random) => ({ type: 'reset_peer', attributes: { timeout: between(random, 0, 100) } })],
  [
    'swallowed, then ended',
    (random) => ({ type: 'timeout', attributes: { timeout: between(random, 1, 300) } }),
  ],
  ['swallowed in silence', () => ({ type: 'timeout', attributes: { timeout: 0 } })],
  ['ended half-way', (random) => ({ type: 'limit_data', attributes: { bytes: between(random, 1, 600) } })],
]

/** A publish takes a few milliseconds. One that takes as long as this goes nowhere. */
const STUCK_MS = 200
/** How long a cut lasts at most, where it meets no call. */
const CUT_MS = 5000

const connectionsCut: Fault = async ({ stage, random }) => {
  const { traffic } = stage
  const lines = someLines(random, stage.wires)
  const wires = lines.map((line) => stage.wires[line]!)
  const refused = random() < 0.2
  const [name, toxic] = oneOf(random, CUTS)
  const stream = oneOf(random, STREAMS)
  const times = between(random, 1, 4)
  let struck = false
  /** Holds it for a while, and on until it has met a call. */
  const hold = async (leastMs: number): Promise<void> => {
    const began = performance.now()
    const broken = traffic.broken(lines)
    const met = () =>
      traffic.broken(lines) > broken || traffic.underWay('publish', STUCK_MS, lines).length > 0
    await sleep(leastMs)
    while (!met() && performance.now() - began < CUT_MS) await sleep(10)
    struck ||= met()
  }
  for (let time = 0; time < times; time++) {
    if (refused) {
      await Promise.all(wires.map((wire) => wire.disconnect()))
      await hold(between(random, 50, 500))
      await Promise.all(wires.map((wire) => wire.connect()))
    } else {
      const clear = await poison(wires, stream, toxic(random))
      await hold(between(random, 100, 800))
      await clear()
    }
    await sleep(between(random, 20, 200))
  }
  if (!struck) return undefined
  return refused ? 'refused' : `${name}, ${stream}`
}

/** How connections become slow, and how long a call then takes at least. */
const SLOWNESS: readonly [string, (random: () => number) => Toxic][] = [
  [
    'latency',
    (random) => ({ type: 'latency', attributes: { latency: between(random, 100, 400), jitter: 100 } }),
  ],
  // A kilobyte a second: an answer of 300 bytes takes a third of one.
  ['bandwidth', () => ({ type: 'bandwidth', attributes: { rate: 1 } })],
  [
    'slices',
    (random) => ({
      type: 'slicer',
      attributes: { average_size: between(random, 8, 32), size_variation: 4, delay: 4000 },
    }),
  ],
]
/** Slower than any call is without a fault, but for hiccups. */
const SLOW_MS = 30

/** The part of slow spells that end in silence: the last slow proof is then the newest. */
const THEN_SILENCE = 0.4

const connectionsSlowed: Fault = async ({ stage, random }) => {
  const lines = someLines(random, stage.wires)
  const wires = lines.map((line) => stage.wires[line]!)
  const [name, toxic] = oneOf(random, SLOWNESS)
  const streams = random() < 0.5 ? STREAMS : [oneOf(random, STREAMS)]
  const clear = await Promise.all(streams.map((stream) => poison(wires, stream, toxic(random))))
  const spell = sleep(between(random, 1000, 2500))
  const [took] = await Promise.all([stage.traffic.time('publish', lines), spell])
  const silent = random() < THEN_SILENCE
  if (silent) {
    clear.push(await poison(wires, 'downstream', { type: 'timeout', attributes: { timeout: 0 } }))
    await sleep(between(random, 1000, 2500))
  }
  for (const one of clear) await one()
  if (took < SLOW_MS) return undefined
  return `${name}, ${streams.join(' and ')}${silent ? ', then silence' : ''}`
}

export const FAULT_CLASSES = {
  'broker killed': { place: 'broker', strike: brokerKilled },
  'broker frozen': { place: 'broker', strike: brokerFrozen },
  'gateway killed mid-produce': { place: 'gateway', strike: midProduce },
  'gateway killed mid-poll': { place: 'gateway', strike: midPoll },
  'gateway frozen': { place: 'gateway', strike: gatewayFrozen },
  'connections cut': { place: 'wire', strike: connectionsCut },
  'connections slowed': { place: 'wire', strike: connectionsSlowed },
} as const satisfies Record<string, FaultClass>

export type FaultName = keyof typeof FAULT_CLASSES
