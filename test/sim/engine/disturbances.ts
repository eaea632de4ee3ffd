/** Makes faults come about: what each of them does, and its end. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import type { MemoryTransaction } from '../../../src/testing/memory-log.ts'
import type { FaultName } from '../faults.ts'
import type { FaultStep } from '../scenario.ts'
import type { Calls } from './calls.ts'
import { pick, type Random, randomOf } from './random.ts'
import type { Inhabitant, Seat } from './seat.ts'
import { EPOCH } from './universe.ts'
import { EVICTIONS, UPDATES, type World } from './world.ts'

interface Running {
  readonly fault: FaultName
  readonly end: () => void
}

const USUAL_MS = 1500
const HOUR_MS = 3_600_000
/** More than a turn has whose hits all look at the clock, less than share one look. */
const TURN_HITS = 24
const UNTIL_CALM = Infinity

/** What a fault does: at once, and when it is over where it lasts. */
type Effect = (step: FaultStep, random: Random) => void | (() => void)

export class Disturbances {
  readonly #world: World
  readonly #seats: readonly Seat[]
  readonly #calls: Calls
  readonly #running = new Set<Running>()
  readonly #names = new Map<string, number>()

  constructor(world: World, seats: readonly Seat[], calls: Calls) {
    this.#world = world
    this.#seats = seats
    this.#calls = calls
  }

  begin(step: FaultStep): void {
    const { record, scenario, trouble } = this.#world
    const { fault, isolate, amount } = step
    const name = `${step.at} ${fault} ${isolate ?? ''}`
    const times = (this.#names.get(name) ?? 0) + 1
    this.#names.set(name, times)
    const random = randomOf(scenario.seed, `fault ${name} ${times}`)
    const forMs = step.forMs ?? this.#usual(fault, random)
    const lasts = forMs === undefined ? {} : { forMs }
    record.tell({
      type: 'fault',
      fault,
      ...(isolate === undefined ? {} : { isolate }),
      ...(forMs === UNTIL_CALM ? {} : lasts),
      ...(amount === undefined ? {} : { amount }),
    })
    const effect = this.#effects[fault]
    const over = effect?.({ ...step, ...lasts }, random)
    if (effect === undefined) {
      const end = trouble.begin({ fault, isolate, amount })
      return this.#run({ fault, end }, forMs ?? USUAL_MS)
    }
    return over && this.#run({ fault, end: over }, forMs ?? USUAL_MS)
  }

  /** Ends every fault, and sets right what it changed. */
  calm(): void {
    const { universe, record } = this.#world
    const shown = new Map(this.#lives(undefined).map(({ life }) => [life, life.wall.read(universe.now)]))
    for (const running of this.#running) this.#over(running)
    for (const seat of this.#seats) {
      if (!seat.inhabitant) continue
      const { id, life } = seat.inhabitant
      life.spare()
      if (life.thaw(true)) record.tell({ type: 'thawed', isolate: id })
      life.wall.run(universe.now, 1)
      // Never back: for an isolate that has just stood still, both clocks would step back at once.
      const right = EPOCH + seat.plan.skewMs + universe.now
      life.wall.set(universe.now, Math.max(right, shown.get(life) ?? right))
      life.monotonic.run(universe.now, 1)
    }
  }

  #run(running: Running, forMs: number): void {
    this.#running.add(running)
    if (forMs < Infinity) this.#world.universe.after(forMs, () => this.#over(running))
  }

  #over(running: Running): void {
    if (!this.#running.delete(running)) return
    running.end()
    this.#world.record.tell({ type: 'fault_over', fault: running.fault })
  }

  /** How long it lasts where the step does not say; `undefined` for what is done at once. */
  #usual(fault: FaultName, random: Random): number | undefined {
    if (fault === 'frozen_hours') return (1 + random() * 5) * HOUR_MS
    if (fault === 'clock_forward' || fault === 'clock_back') return UNTIL_CALM
    return this.#effects[fault] === undefined || LASTING.has(fault) ? USUAL_MS : undefined
  }

  #lives(isolate: number | undefined) {
    return this.#seats
      .filter(({ index }) => isolate === undefined || index === isolate)
      .flatMap(({ inhabitant }) => inhabitant ?? [])
  }

  #count(fault: FaultName, times = 1): void {
    for (let time = 0; time < times; time++) this.#world.trouble.count(fault)
  }

  readonly #effects: Partial<Record<FaultName, Effect>> = {
    consumers_expired: () => {
      this.#count('consumers_expired')
      this.#world.proxy?.forget()
    },
    proxy_restart: ({ isolate }) => {
      const { trouble, network, proxy } = this.#world
      network.reset()
      const end = trouble.begin({ fault: 'proxy_restart', isolate, amount: undefined })
      return () => {
        end()
        proxy?.forget()
      }
    },

    truncation: ({ amount = 100 }) => {
      const { log, scenario } = this.#world
      this.#count('truncation')
      for (let partition = 0; partition < scenario.world.evictionPartitions; partition++) {
        const { beginning, end } = log.offsets(EVICTIONS, partition)
        log.truncate(EVICTIONS, partition, beginning + Math.floor(((end - beginning) * amount) / 100))
      }
      log.changed('truncated', EVICTIONS)
    },
    recreation: () => {
      const { log } = this.#world
      this.#count('recreation')
      log.recreateTopic(EVICTIONS)
      log.changed('recreated', EVICTIONS)
    },
    partitions_added: () => {
      const { log } = this.#world
      this.#count('partitions_added')
      log.addPartitions(EVICTIONS, log.partitions(EVICTIONS) + 1)
      log.changed('partitions', EVICTIONS)
    },
    compaction: (_, random) => {
      const { log } = this.#world
      this.#count('compaction')
      log.compact(UPDATES, { dropTombstones: random() < 0.5 })
      log.changed('compacted', UPDATES)
    },
    transaction_aborted: (_, random) => {
      const { log } = this.#world
      this.#count('transaction_aborted')
      const transaction = log.begin()
      this.#inTransaction(transaction, random)
      transaction.abort()
      log.changed('aborted', EVICTIONS)
      log.changed('aborted', UPDATES)
    },
    transaction_open: () => {
      const { log, scenario } = this.#world
      this.#count('transaction_open')
      const transaction = log.begin()
      for (let partition = 0; partition < scenario.world.evictionPartitions; partition++)
        transaction.append(EVICTIONS, { key: null, value: encodeUtf8(beat(0)), partition })
      transaction.append(UPDATES, { key: encodeUtf8('none'), value: encodeUtf8(beat(0)), partition: 0 })
      return () => transaction.commit()
    },
    record_poison: ({ amount = 1 }, random) => {
      // At once, or so that some of them come within a second of a drop.
      const gapMs = random() < 0.5 ? 0 : random() * 400
      for (let time = 0; time < amount; time++) {
        if (random() < 0.25) {
          this.#misplaced(random)
          continue
        }
        const text = pick(random, POISON)
        const key = random() < 0.5 ? null : this.#key(random)
        const topic = random() < 0.7 ? EVICTIONS : UPDATES
        this.#world.universe.after(time * gapMs, () =>
          topic === EVICTIONS && text !== ''
            ? this.#strange(text, random, key)
            : this.#append(topic, text, random, key),
        )
      }
      this.#count('record_poison', amount)
    },
    record_unknown_version: (_, random) => {
      this.#count('record_unknown_version')
      const message = {
        v: 99,
        op: pick(random, ['evict', 'forget']),
        ns: pick(random, ['rows', 'others']),
        keys: ['x'],
      }
      this.#append(EVICTIONS, JSON.stringify(message), random)
    },
    record_oversized: (_, random) => {
      this.#count('record_oversized')
      const least = Math.min(...this.#seats.map(({ plan }) => plan.maxPollBytes))
      const pad = 'x'.repeat(Math.min(200_000, least + 64))
      this.#append(EVICTIONS, JSON.stringify({ v: 1, op: 'beat', pad }), random)
    },
    heartbeats: ({ amount = 1 }, random) => {
      for (let time = 0; time < amount; time++)
        this.#append(EVICTIONS, beat(this.#world.universe.now), random)
      this.#count('heartbeats', amount)
    },

    clock_forward: ({ isolate, amount = 60_000 }) => this.#steps('clock_forward', isolate, amount),
    clock_back: ({ isolate, amount = 60_000 }) => this.#steps('clock_back', isolate, -amount),
    clock_both_back: ({ isolate, amount = 60_000 }) => {
      const lives = this.#lives(isolate)
      for (const { life } of lives) life.stepBack(amount)
      this.#count('clock_both_back', lives.length)
    },
    clock_frozen: ({ isolate }, random) => this.#pace('clock_frozen', isolate, 0, random),
    clock_drift: ({ isolate, amount = 150 }, random) =>
      this.#pace('clock_drift', isolate, amount / 100, random),
    monotonic_frozen: ({ isolate }) => {
      const { universe } = this.#world
      const lives = this.#lives(isolate)
      for (const { life } of lives) life.monotonic.run(universe.now, 0)
      this.#count('monotonic_frozen', lives.length)
      return () => {
        for (const { life } of lives) life.monotonic.run(universe.now, 1)
      }
    },

    killed: ({ isolate, amount = 0 }) => {
      const lives = this.#lives(isolate)
      for (const { life } of lives) life.killAfter(amount)
      this.#count('killed', lives.length)
    },
    cold_outage: ({ isolate }) => {
      for (const { life } of this.#lives(isolate)) life.die()
      return this.#world.trouble.begin({ fault: 'cold_outage', isolate, amount: undefined })
    },
    frozen: ({ isolate, forMs = USUAL_MS }, random) => this.#freeze('frozen', isolate, forMs, random),
    frozen_hours: ({ isolate, forMs = HOUR_MS }, random) =>
      this.#freeze('frozen_hours', isolate, forMs, random),
    loop_blocked: ({ isolate, forMs = USUAL_MS }, random) => {
      const { universe, record } = this.#world
      const key = this.#key(random)
      const lives = this.#lives(isolate).filter(({ life }) => !life.isolatesRequests)
      const hits = (inhabitant: Inhabitant) => {
        for (let time = 0; time < TURN_HITS; time++)
          this.#calls.read(inhabitant, {
            space: 'rows',
            key,
            how: time % 2 === 0 ? 'peek' : 'getOrSet',
            bare: true,
          })
      }
      for (const inhabitant of lives) {
        hits(inhabitant)
        // After the hits, and before their turn is over.
        universe.after(0, () => {
          const { id, life } = inhabitant
          if (!life.alive) return
          if (!life.frozen) record.tell({ type: 'frozen', isolate: id })
          life.freeze(forMs, true)
        })
      }
      this.#count('loop_blocked', lives.length)
      return () => {
        for (const inhabitant of lives)
          if (inhabitant.life.thaw(false, () => hits(inhabitant)))
            record.tell({ type: 'thawed', isolate: inhabitant.id })
      }
    },
    leader_cancelled: ({ isolate }) => {
      for (const { id, life } of this.#lives(isolate)) {
        const [oldest] = life.isolatesRequests ? life.unanswered : []
        if (!oldest) continue
        this.#world.record.tell({ type: 'cancelled', isolate: id, request: oldest.id })
        oldest.cancel()
        this.#count('leader_cancelled')
      }
    },
    wait_until_cut: ({ isolate }) => {
      for (const { life } of this.#lives(isolate)) {
        if (!life.isolatesRequests) continue
        for (const request of life.lingering) if (request.cut()) this.#count('wait_until_cut')
      }
    },

    eviction_storm: ({ isolate, amount = 20 }, random) => {
      const { universe } = this.#world
      const seat = this.#seat(isolate, random)
      this.#count('eviction_storm', amount)
      for (let time = 0; time < amount; time++) {
        const key = this.#key(random)
        universe.after(time * 3, () =>
          seat.visit((inhabitant) =>
            this.#calls.write(inhabitant, { space: 'rows', key, how: 'delete', pauseMs: 0 }),
          ),
        )
      }
    },
    hot_key: ({ isolate, amount = 20 }, random) => {
      const key = this.#key(random)
      this.#count('hot_key', amount)
      for (let time = 0; time < amount; time++) {
        this.#seat(isolate, random).visit((inhabitant) =>
          this.#calls.read(inhabitant, { space: 'rows', key, how: 'getOrSet' }),
        )
      }
    },

    tail_killed: () => {
      this.#count('tail_killed')
      this.#world.tails?.kill()
    },
    tail_hibernated: () => {
      this.#count('tail_hibernated')
      this.#world.tails?.hibernate()
    },
    tail_doubled: () => {
      this.#count('tail_doubled')
      return this.#world.tails?.double()
    },
    tail_clock_back: ({ amount = 2000 }) => this.#tailsStep('tail_clock_back', -amount),
    tail_clock_forward: ({ amount = 2000 }) => this.#tailsStep('tail_clock_forward', amount),
    tail_frozen: ({ forMs = USUAL_MS }) => {
      const lives = this.#world.tails?.lives ?? []
      for (const life of lives) life.freeze(forMs, false)
      this.#count('tail_frozen', lives.length)
      return () => {
        for (const life of lives) life.thaw(true)
      }
    },

    tier_wiped: () => {
      this.#count('tier_wiped')
      this.#world.tierStore.wipe()
    },
  }

  #tailsStep(fault: FaultName, ms: number): void {
    const { universe, tails } = this.#world
    const lives = tails?.lives ?? []
    for (const life of lives) {
      life.wall.step(universe.now, ms)
      life.monotonic.step(universe.now, ms)
    }
    this.#count(fault, lives.length)
  }

  #seat(isolate: number | undefined, random: Random): Seat {
    return isolate === undefined ? pick(random, this.#seats) : this.#seats[isolate]!
  }

  #key(random: Random): string {
    return pick(random, this.#calls.keys.get('rows') ?? ['a'])
  }

  #append(topic: string, text: string, random: Random, key: string | null = null): void {
    const { log } = this.#world
    const partitions = topic === EVICTIONS ? this.#world.scenario.world.evictionPartitions : 1
    const partition = Math.floor(random() * partitions)
    log.append(topic, { key: key === null ? null : encodeUtf8(key), value: encodeUtf8(text), partition })
  }

  /** A record under the key of another entry, or of another namespace: the value must never be served, the eviction counts. */
  #misplaced(random: Random): void {
    const key = this.#key(random)
    const { log } = this.#world
    if (random() < 0.5) {
      const value = encodeUtf8(JSON.stringify(this.#foreignValue(key)))
      return void log.append(UPDATES, { key: encodeUtf8(`others/${key}`), value, partition: 0 })
    }
    const evict = encodeUtf8(JSON.stringify({ v: 1, op: 'evict', ns: 'rows', keys: [key] }))
    const partition = this.#world.partitionOf('rows')
    log.append(EVICTIONS, { key: encodeUtf8('others'), value: evict, partition })
  }

  /** A value of a row that no source ever had, and that an isolate would hold. */
  #foreignValue(key: string) {
    const { end, logId } = this.#world.log.offsets(EVICTIONS, this.#world.partitionOf('rows'))
    const { identity } = this.#world.scenario.world
    const now = this.#world.universe.now
    return {
      v: 1,
      op: 'put',
      ns: 'rows',
      key,
      value: { space: 'rows', key, version: -1, readAt: now, even: false },
      ttl: 60_000,
      at: EPOCH + Math.floor(now),
      asOf: end,
      ...(identity ? { log: logId } : {}),
    }
  }

  /** A writer whose messages no isolate can read: it commits a row, and the record stands for the eviction of it. */
  #strange(text: string, random: Random, key: string | null): void {
    const { log, source, record } = this.#world
    const isolate = this.#seats.find(({ inhabitant }) => inhabitant)?.inhabitant?.id
    const row = this.#key(random)
    const partition = this.#world.partitionOf('rows')
    if (isolate === undefined) return
    const write = this.#world.next('writes')
    const version = source.commit('rows', row)
    const what = { space: 'rows', key: row, version, evicts: 'key', how: 'foreign' } as const
    record.tell({ type: 'write', write, isolate, request: undefined, ...what })
    const bytes = { key: key === null ? null : encodeUtf8(key), value: encodeUtf8(text) }
    const { offset } = log.append(EVICTIONS, { ...bytes, partition })
    record.tell({ type: 'acknowledged', write, token: undefined, partition, offset })
  }

  /** Evictions count, aborted or not: a miss costs little. A value of an aborted transaction must never be served. */
  #inTransaction(transaction: MemoryTransaction, random: Random): void {
    const key = this.#key(random)
    const partition = this.#world.partitionOf('rows')
    const evict = JSON.stringify({ v: 1, op: 'evict', ns: 'rows', keys: [key] })
    transaction.append(EVICTIONS, { key: null, value: encodeUtf8(evict), partition })
    const put = this.#foreignValue(key)
    // Where no reader reads committed records, users must write no values in transactions (the documents ask for that).
    const isRead = this.#world.scenario.world.proxy === 'memory'
    const text = isRead
      ? JSON.stringify(put)
      : JSON.stringify({ v: 1, op: 'del', ns: 'rows', key, asOf: put.asOf })
    transaction.append(UPDATES, { key: encodeUtf8(`rows/${key}`), value: encodeUtf8(text), partition: 0 })
  }

  #steps(fault: FaultName, isolate: number | undefined, ms: number): () => void {
    const { universe } = this.#world
    const lives = this.#lives(isolate)
    for (const { life } of lives) life.wall.step(universe.now, ms)
    this.#count(fault, lives.length)
    return () => {
      for (const { life } of lives) life.wall.step(universe.now, -ms)
    }
  }

  /** Afterwards the clock is set right, or not. */
  #pace(fault: FaultName, isolate: number | undefined, pace: number, random: Random): () => void {
    const { universe } = this.#world
    const lives = this.#lives(isolate)
    const isSetRight = random() < 0.5
    for (const { life } of lives) life.wall.run(universe.now, pace)
    this.#count(fault, lives.length)
    return () => {
      for (const { life, seat } of lives) {
        life.wall.run(universe.now, 1)
        if (isSetRight) life.wall.set(universe.now, EPOCH + seat.plan.skewMs + universe.now)
      }
    }
  }

  #freeze(fault: FaultName, isolate: number | undefined, forMs: number, random: Random): () => void {
    const { universe, record } = this.#world
    const lives = this.#lives(isolate)
    const counts = random() < 0.5
    for (const { id, life } of lives)
      // An isolate that has just come to life still runs what its first turn has begun.
      universe.after(0, () => {
        if (!life.alive) return
        if (!life.frozen) record.tell({ type: 'frozen', isolate: id })
        life.freeze(forMs, counts)
      })
    this.#count(fault, lives.length)
    return () => {
      for (const { id, life } of lives) if (life.thaw()) record.tell({ type: 'thawed', isolate: id })
    }
  }
}

const beat = (at: number): string => JSON.stringify({ v: 1, op: 'beat', at: EPOCH + Math.floor(at) })

const POISON = [
  'garbage',
  '',
  '{',
  '[]',
  'null',
  '{"v":1,"op":"evict","ns":"rows"}',
  '{"v":1,"op":"evict","ns":"../","keys":[""]}',
]

/** Those that end, beside those that are checked while they last. */
const LASTING: ReadonlySet<FaultName> = new Set<FaultName>([
  'proxy_restart',
  'transaction_open',
  'clock_frozen',
  'clock_drift',
  'monotonic_frozen',
  'cold_outage',
  'frozen',
  'loop_blocked',
])
