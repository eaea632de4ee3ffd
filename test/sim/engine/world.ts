/** Everything that a run consists of, and the counters of its events. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import { MemoryTierStore } from '../../../src/testing/memory-tier-store.ts'
import type { Scenario, SpaceName } from '../scenario.ts'
import { fetchOver } from './http.ts'
import { memoryPort } from './memory-port.ts'
import { Network } from './network.ts'
import { type Proxy, proxyOf } from './proxy.ts'
import { Record } from './record.ts'
import { SimLog } from './sim-log.ts'
import { Source } from './source.ts'
import { Tails } from './tails.ts'
import { Trouble } from './trouble.ts'
import { EPOCH, type Place, Universe } from './universe.ts'
import type { Life } from './life.ts'
import type { Transport } from './ambient.ts'

export const EVICTIONS = 'cache-evictions'
export const UPDATES = 'cache-updates'

export class World {
  readonly scenario: Scenario
  readonly universe: Universe
  readonly record: Record
  readonly trouble = new Trouble()
  readonly log: SimLog
  readonly network: Network
  readonly source: Source
  readonly tierStore: MemoryTierStore
  readonly proxy: Proxy | undefined
  readonly transport: Transport
  readonly tails: Tails | undefined
  readonly seats = new Map<Life, number>()
  readonly #numbers = new Map<string, number>()

  constructor(scenario: Scenario) {
    const { seed, world } = scenario
    this.scenario = scenario
    const universe = (this.universe = new Universe(seed))
    this.record = new Record(universe)
    this.log = new SimLog(universe, this.record)
    this.network = new Network(universe, this.trouble, world.latencyMs)
    this.source = new Source(universe, this.record, this.trouble, world)
    this.tierStore = new MemoryTierStore({ now: () => EPOCH + Math.floor(universe.now) })
    this.proxy =
      world.proxy === 'memory'
        ? undefined
        : proxyOf(world.proxy, this.log, world.identity, {
            random: universe.randomOf('proxy'),
            now: () => universe.now,
          })
    const serve = this.proxy?.serve ?? (async () => ({ status: 404 }))
    this.transport = fetchOver(this.network, serve, (place) => this.seatOf(place))
    const { trouble, network, record } = this
    const connect = () => this.connect(undefined)
    this.tails = world.tail && new Tails({ plan: world.tail, universe, trouble, network, record, connect })
  }

  /** Counts, by name. */
  next(name: string): number {
    const number = (this.#numbers.get(name) ?? 0) + 1
    this.#numbers.set(name, number)
    return number
  }

  seatOf({ life }: Place): number | undefined {
    return life && this.seats.get(life)
  }

  /** How a client reaches Kafka, made where it is. */
  connect(seat: number | undefined): KafkaLog {
    const { world } = this.scenario
    const log =
      this.proxy?.connect() ?? memoryPort(this.log, this.network, seat, { identity: world.identity })
    return seat !== undefined && this.tails ? this.tails.connect(log, seat) : log
  }

  partitionOf(space: SpaceName): number {
    return partitionOf(encodeUtf8(space), this.scenario.world.evictionPartitions)
  }

  /** A record of a client that is no isolate. */
  append(topic: string, text: string, partition: number): void {
    this.log.append(topic, { key: null, value: encodeUtf8(text), partition })
  }
}
