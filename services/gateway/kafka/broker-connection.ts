/**
 * One connection to one broker, made when it is needed and again when it broke.
 *
 * A broker answers the requests of a connection one after the other, in the order they came. So the link
 * closes the connection when it gives up a request: the requests behind it would wait for the same answer.
 *
 * @module
 */
import { sleep } from '../../../src/ports/runtime.ts'
import { onAbort } from '../../../src/runtime/abort.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { apiVersionsV3, Connection, findErrorBy, ResponseError } from '@platformatic/kafka'
import type { API } from '@platformatic/kafka'
import type { Versions } from './requests.ts'
import { CODES, KafkaFailure, nameOfCode } from './failure.ts'
import type { Liveness } from './liveness.ts'
import { nameOf } from './options.ts'
import type { Address, KafkaSettings } from './options.ts'
import { Refusal } from '../refusal.ts'
import { tokenErrorIn } from './sasl.ts'

export interface RequestOptions {
  /** How long the answer may take, connecting included, in milliseconds. */
  readonly ms: number
  readonly signal?: AbortSignal | undefined
}

interface Open {
  readonly connection: Connection
  readonly versions: ReadonlyMap<number, apiVersionsV3.ApiVersionsResponseApi>
}

/** A connection is replaced after this part of its session: the broker ends it after the whole (KIP-368). */
const SESSION_PART = 0.8

/** Requests on the way at once. More wait in line. */
const MAX_INFLIGHTS = 256

export class BrokerConnection {
  readonly address: Address
  readonly #settings: KafkaSettings
  readonly #liveness: Liveness
  readonly #name: string
  #connection: Connection | undefined
  #open: Promise<Open> | undefined
  #closed = false
  /** When to replace the connection, on the monotonic clock. */
  #replaceAt = Infinity
  #underWay = 0
  #whenIdle: (() => void) | undefined

  constructor(address: Address, settings: KafkaSettings, liveness: Liveness) {
    this.address = address
    this.#settings = settings
    this.#liveness = liveness
    this.#name = nameOf(address)
  }

  /**
   * The broker's answer, errors of single topics and partitions in it included.
   *
   * `make` gets the version of the API that the broker and the gateway share. It must not wait: requests
   * leave in the order of the calls.
   *
   * @throws KafkaFailure; what the signal was aborted with.
   */
  async request<Args extends [] | unknown[], Answer>(
    versions: Versions<Args, Answer>,
    make: (version: number) => NoInfer<Args>,
    { ms, signal }: RequestOptions,
  ): Promise<Answer> {
    signal?.throwIfAborted()
    if (this.#closed) throw new Refusal('unavailable', 'The cluster was closed.')
    const asked = this.#liveness.now()
    const silent = () => new KafkaFailure('The broker did not answer in time.')
    const ask = (inner: AbortSignal) => {
      onAbort(inner, () => this.#drop())
      return this.#answer(versions, make)
    }
    const answer = await withDeadline({ sleep }, ms, silent, ask, signal)
    this.#liveness.answered(this.#name, asked)
    return answer
  }

  /** Refuses the requests under way, and all later ones. */
  close(): void {
    this.#closed = true
    this.#drop()
  }

  async #answer<Args extends unknown[], Answer>(
    versions: Versions<Args, Answer>,
    make: (version: number) => NoInfer<Args>,
  ): Promise<Answer> {
    try {
      const { connection, versions: spoken } = await this.#connected()
      const api = chosen(versions, spoken)
      return await this.#counted(api.async(connection, ...make(api.version)))
    } catch (error) {
      this.#tell(error)
      const answer = error instanceof ResponseError ? (error['response'] as Answer | undefined) : undefined
      if (answer !== undefined) return answer
      if (this.#closed) throw new Refusal('unavailable', 'The cluster was closed.')
      throw error instanceof KafkaFailure
        ? error
        : new KafkaFailure('The broker cannot be reached.', { cause: error, ...codeOf(error) })
    }
  }

  /** Tells the codes of an answer; the fetcher tells those of a fetch, which it reads itself. */
  #tell(error: unknown): void {
    const { onErrorCode } = this.#settings
    if (!onErrorCode) return
    if (error instanceof ResponseError) {
      for (const each of error.errors) onErrorCode(nameOfCode(Number(each['apiCode'])))
    } else if (codeOf(error).code !== undefined) onErrorCode(nameOfCode(codeOf(error).code!))
  }

  async #counted<T>(answer: Promise<T>): Promise<T> {
    this.#underWay++
    try {
      return await answer
    } finally {
      this.#underWay--
      if (this.#underWay === 0) this.#whenIdle?.()
    }
  }

  #connected(): Promise<Open> {
    if (this.#open && this.#liveness.now().monotonic >= this.#replaceAt) {
      this.#replaceAt = Infinity
      this.#open = this.#replaced(this.#connection)
    }
    this.#open ??= this.#connect()
    return this.#open
  }

  /** A new connection, once what is under way on the old one has its answer: requests keep their order. */
  async #replaced(old: Connection | undefined): Promise<Open> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve))
    this.#whenIdle = undefined
    // It broke meanwhile, and another may have been made.
    if (this.#connection !== old) return this.#connected()
    this.#connection = undefined
    old?.socket.destroy()
    return this.#connect()
  }

  async #connect(): Promise<Open> {
    const { host, port } = this.address
    this.#replaceAt = Infinity
    const onSession = (ms: number) => {
      if (ms > 0) this.#replaceAt = this.#liveness.now().monotonic + ms * SESSION_PART
    }
    const connection = new Connection(this.#settings.clientId, {
      ...this.#settings.connection(host, onSession),
      // The link's own deadline comes first.
      requestTimeout: 2_147_483_647,
      maxInflights: MAX_INFLIGHTS,
    })
    this.#connection = connection
    // A request only sees a closed connection; the `error` event carries the cause (an alert of TLS, say).
    let broken: unknown
    connection.on('error', (error) => (broken ??= error))
    connection.on('close', () => {
      if (this.#connection === connection) this.#drop()
    })
    try {
      await connection.connect(host, port)
      const { apiKeys } = await apiVersionsV3.api.async(connection, 'kedge', '0')
      return { connection, versions: new Map(apiKeys.map((api) => [api.apiKey, api])) }
    } catch (error) {
      if (this.#connection === connection) this.#drop()
      throw broken ?? error
    }
  }

  #drop(): void {
    const connection = this.#connection
    this.#connection = undefined
    this.#open?.catch(() => {})
    this.#open = undefined
    // There is no socket before the connection is begun.
    connection?.socket?.destroy()
  }
}

const MAX_DEPTH = 8

/**
 * A token endpoint that refuses the gateway goes on to do so.
 * A broker that refuses the credentials was reached: it refuses them the next time too. The client's error for that has
 * the broker's among its causes; one for a connection that broke meanwhile has not.
 */
function codeOf(error: unknown): { readonly code?: number } {
  if (tokenErrorIn(error)?.refused) return { code: CODES.saslAuthentication }
  let at = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    if (findErrorBy(at, 'apiCode', CODES.saslAuthentication) !== null)
      return { code: CODES.saslAuthentication }
    at = at.cause
  }
  return {}
}

function chosen<Args extends unknown[], Answer>(
  versions: Versions<Args, Answer>,
  spoken: ReadonlyMap<number, apiVersionsV3.ApiVersionsResponseApi>,
): API<Args, Answer> {
  const found = versions.find(({ key, version }) => {
    const range = spoken.get(key)
    return range && range.minVersion <= version && version <= range.maxVersion
  })
  if (!found) throw new KafkaFailure('The broker is older than Kafka 2.8.')
  return found
}
