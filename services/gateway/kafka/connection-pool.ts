/**
 * The connections to all brokers, by what they are for.
 *
 * A long poll blocks its connection while it waits, so each has its own; short requests share connections.
 *
 * @module
 */
import { sleep } from '../../../src/ports/runtime.ts'
import { settledWithin } from '../../../src/runtime/deadline.ts'
import { BrokerConnection } from './broker-connection.ts'
import { Liveness } from './liveness.ts'
import { nameOf } from './options.ts'
import type { Address, KafkaSettings } from './options.ts'

/** Long polls that wait at brokers at once. The shared tail needs one for each partition that is followed. */
const MAX_WAITING = 256
/** Connections kept for later long polls, over all brokers. */
const MAX_IDLE = 32
/** Connections for produce requests to one broker. */
const PRODUCE_LINKS = 4
/** Brokers that connections are kept to; more are forgotten, oldest first. */
const MAX_BROKERS = 1000

export type Purpose = 'metadata' | 'ids' | 'witness' | 'bounds' | 'read' | 'groups' | `produce-${number}`

/** A broker that has not answered for this part of a session may have stood still. */
const SILENCE = 1 / 3

export class ConnectionPool {
  readonly liveness: Liveness
  readonly #settings: KafkaSettings
  readonly #shared = new Map<string, BrokerConnection>()
  readonly #owned = new Set<BrokerConnection>()
  #idle: BrokerConnection[] = []
  readonly #waiting = new Set<BrokerConnection>()
  #turns: (() => void)[] = []
  #closed = false

  constructor(settings: KafkaSettings) {
    this.liveness = new Liveness(settings.sessionTimeoutMs * SILENCE)
    this.#settings = settings
  }

  /** The connection for short requests of one purpose. */
  shared(address: Address, purpose: Purpose): BrokerConnection {
    const name = `${purpose} ${nameOf(address)}`
    let link = this.#shared.get(name)
    if (!link) {
      link = this.#make(address)
      this.#shared.set(name, link)
      const [oldest] = this.#shared.keys()
      if (this.#shared.size > MAX_BROKERS * (PRODUCE_LINKS + 6) && oldest !== undefined) {
        this.#shared.get(oldest)?.close()
        this.#shared.delete(oldest)
      }
    }
    return link
  }

  /** One of the few connections that produce requests are spread over. */
  producing(address: Address, number: number): BrokerConnection {
    return this.shared(address, `produce-${number % PRODUCE_LINKS}`)
  }

  /** A new connection, which the caller closes. */
  own(address: Address): BrokerConnection {
    const link = this.#make(address)
    this.#owned.add(link)
    return link
  }

  end(link: BrokerConnection): void {
    this.#owned.delete(link)
    link.close()
  }

  /** A connection for one long poll; `undefined` when as many wait as may. */
  borrow(address: Address): BrokerConnection | undefined {
    if (this.#waiting.size >= MAX_WAITING) return undefined
    const at = this.#idle.findLastIndex((link) => nameOf(link.address) === nameOf(address))
    const link = at < 0 ? this.#make(address) : this.#idle.splice(at, 1)[0]!
    this.#waiting.add(link)
    return link
  }

  giveBack(link: BrokerConnection): void {
    this.#waiting.delete(link)
    this.#idle.push(link)
    if (this.#idle.length > MAX_IDLE || this.#closed) this.#idle.shift()?.close()
    this.#turns[0]?.()
  }

  /** Resolves when one was given back, or after `ms`; rejects with `signal.reason`. */
  async turn(ms: number, signal: AbortSignal | undefined): Promise<void> {
    let turn!: () => void
    const leave = () => (this.#turns = this.#turns.filter((other) => other !== turn))
    const given = new Promise<void>((resolve) => {
      // It leaves at once: the next connection is for the next in the row.
      turn = () => {
        leave()
        resolve()
      }
    })
    this.#turns.push(turn)
    await settledWithin({ sleep }, given, ms, signal).finally(leave)
  }

  close(): void {
    this.#closed = true
    for (const link of [...this.#shared.values(), ...this.#owned, ...this.#idle, ...this.#waiting])
      link.close()
    this.#shared.clear()
    this.#idle = []
  }

  #make(address: Address): BrokerConnection {
    const link = new BrokerConnection(address, this.#settings, this.liveness)
    if (this.#closed) link.close()
    return link
  }
}
