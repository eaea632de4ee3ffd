/**
 * Signs the records of kedge's topics, and judges those that are read.
 *
 * @module
 */
import { checkFeatureOptions, must } from '../api/option-check.ts'
import type { Options } from '../api/option-check.ts'
import { digestOf } from '../coherence/log-identity.ts'
import { KedgeError } from '../ports/errors.ts'
import type { LogRecord, NewRecord } from '../ports/kafka-log.ts'
import { systemRuntime } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import { encodeUtf8 } from '../wire/codec.ts'
import { isObject } from '../wire/message-fields.ts'
import { open, seal } from './envelope.ts'
import { Keyring } from './keyring.ts'
import type { SignatureFault, SigningKey } from './keyring.ts'
import { harmless } from '../runtime/listener.ts'

/**
 * What signatures are used for. `'off'`: nothing is signed, and nothing looked at. `'warn'`: what is written is signed;
 * what is read is accepted with or without a signature, and what is wrong is counted. `'require'`: what is read without
 * a signature that counts is refused.
 */
export type SignMode = 'off' | 'warn' | 'require'

/** The options of `signed()` and `signatures()`. */
export interface SignOptions {
  /** The first one signs; all of them verify. Give readers a new key before a writer signs with it. */
  readonly keys: readonly SigningKey[]
  readonly sign: SignMode
  /**
   * For the evictions topic alone: `'warn'` obeys evictions without a signature, as those of a change data capture, although
   * `sign` is `'require'`.
   * @default as `sign`
   */
  readonly evictions?: SignMode
  /**
   * Names of topics, as in the options of the cache, which refuses a log with other names. Records of other topics
   * are neither signed nor looked at.
   */
  readonly topics?: {
    /** @default 'cache-evictions' */
    readonly evictions?: string
    /** @default 'cache-updates' */
    readonly updates?: string
    /** @default 'cache-requests' */
    readonly requests?: string
    /** @default 'cache-writes' */
    readonly writes?: string
    /** @default 'cache-writes-dead' */
    readonly deadLetters?: string
  }
  /** Told of each record that is read without a signature that counts, each time that it is read. */
  readonly onEvent?: (event: SignatureEvent) => void
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** A record was read without a signature that counts. */
export interface SignatureEvent {
  readonly type: 'unsigned'
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly why: SignatureFault
  /** What the signature says which key it is of. */
  readonly keyId?: string
  /** `false` where it was accepted all the same. */
  readonly refused: boolean
}

/** Counters since construction. */
export interface SignatureStats {
  /** Records that were signed. */
  readonly signed: number
  /** Records that were read with a signature that counts. */
  readonly verified: number
  /** Records that were read without one, and accepted. */
  readonly accepted: number
  /** Records that were read without one, and refused. */
  readonly refused: number
}

/** Signs and judges records, for programs that get them by another way than a `KafkaLog`. */
export interface Signatures {
  /** The topics whose records are signed and judged; `undefined` where signatures are off. */
  readonly topics: ReadonlySet<string> | undefined
  /**
   * The records, signed. Those of topics that are not kedge's are left as they are.
   * @throws KedgeError `ERR_UNSUPPORTED` for a value that has no place for a signature, where readers require one.
   */
  sign(topic: string, records: readonly NewRecord[]): Promise<readonly NewRecord[]>
  /**
   * The records as they are to be used: one that is refused keeps its place and its key, and says nothing else. Never
   * rejects.
   */
  verify<R extends LogRecord>(topic: string, records: readonly R[]): Promise<readonly R[]>
  stats(): SignatureStats
}

const MODES: readonly unknown[] = ['off', 'warn', 'require']
const mode = must((value) => MODES.includes(value), "must be 'off', 'warn' or 'require'")
const TOPICS = {
  evictions: 'cache-evictions',
  updates: 'cache-updates',
  requests: 'cache-requests',
  writes: 'cache-writes',
  deadLetters: 'cache-writes-dead',
}
// Not those of the cache's options: their whole table would come along.
const text = must((value) => typeof value === 'string', 'must be a string')
const callback = must((value) => typeof value === 'function', 'must be a function')
const isRuntime = must((value: unknown) => isObject(value), 'must be a Runtime')
/** What refused records say that are not evictions: nothing that a reader knows. Their keys are dropped. */
const REFUSED = encodeUtf8('{"v":1,"op":"refused"}')
/** Heartbeats are this long at most. */
const MAX_BEAT_BYTES = 200

/**
 * Signs and judges records as `signed()` does, for those that come by another way than a log, as the events of Lambda.
 *
 * @throws TypeError quoting the option that is wrong, and never a secret.
 * @example
 * ```ts
 * import { signatures } from 'kedge/signing'
 *
 * declare const secret: string
 * const own = signatures({ keys: [{ id: 'k1', secret }], sign: 'require' })
 * console.log(own.stats().refused)
 * ```
 */
export const signatures = (options: SignOptions): Signatures => new OwnSignatures(options)

class OwnSignatures implements Signatures {
  readonly #keys: Keyring
  readonly topics: ReadonlySet<string> | undefined
  readonly #modes: ReadonlyMap<string, SignMode>
  readonly #evictions: string
  readonly #runtime: Runtime
  readonly #emit: (event: SignatureEvent) => void
  readonly #stats = { signed: 0, verified: 0, accepted: 0, refused: 0 }

  constructor(options: SignOptions) {
    checkFeatureOptions(KNOWN, options, 'signed')
    const { keys, sign, evictions = sign, topics, onEvent, runtime = systemRuntime() } = options
    if (!MODES.includes(sign)) throw new TypeError("`sign`: must be 'off', 'warn' or 'require'")
    this.#keys = new Keyring(keys)
    const modes = new Map<string, SignMode>()
    for (const [role, name] of Object.entries(TOPICS))
      modes.set(topics?.[role as keyof typeof TOPICS] ?? name, role === 'evictions' ? evictions : sign)
    this.#modes = modes
    this.topics = sign === 'off' && evictions === 'off' ? undefined : new Set(modes.keys())
    this.#evictions = topics?.evictions ?? TOPICS.evictions
    this.#runtime = runtime
    this.#emit = harmless(onEvent)
  }

  stats(): SignatureStats {
    return { ...this.#stats }
  }

  async sign(topic: string, records: readonly NewRecord[]): Promise<readonly NewRecord[]> {
    const how = this.#modes.get(topic) ?? 'off'
    if (how === 'off') return records
    return Promise.all(records.map((record) => this.#signed(topic, record, how)))
  }

  async #signed(topic: string, record: NewRecord, how: SignMode): Promise<NewRecord> {
    const { key, value } = record
    const at = Math.floor(this.#runtime.now())
    const sealed = value && seal(value, await this.#keys.sign({ topic, key }, value, at))
    if (sealed) {
      this.#stats.signed++
      return { ...record, value: sealed }
    }
    if (how === 'warn') return record
    // Readers would refuse it: a write that will not be obeyed is not acknowledged as if it were.
    throw new KedgeError(
      'ERR_UNSUPPORTED',
      `a record of ${topic} cannot be signed: its value is no JSON object, no gzip and no MessagePack`,
    )
  }

  async verify<R extends LogRecord>(topic: string, records: readonly R[]): Promise<readonly R[]> {
    const how = this.#modes.get(topic) ?? 'off'
    if (how === 'off' || records.length === 0) return records
    return Promise.all(records.map((record) => this.#verified(topic, record, how === 'require')))
  }

  async #verified<R extends LogRecord>(topic: string, record: R, isRequired: boolean): Promise<R> {
    const { partition, offset, key, value } = record
    const found = value ? open(value) : undefined
    // A heartbeat says nothing, and adapters write some of their own. What only looks like one must not reach the reader, who
    // would take it for garbage.
    if (topic === this.#evictions && value && !found && isBeat(value))
      return { ...record, value: nothingOf(record) }
    const fault = found && (await this.#keys.fault({ topic, key }, found.body, found.signature))
    if (found && fault === undefined) {
      this.#stats.verified++
      // As it was written: programs compare what they read with what they wrote.
      return { ...record, value: found.body }
    }
    this.#stats[isRequired ? 'refused' : 'accepted']++
    const keyId = found?.signature.split('.')[0]
    this.#emit({
      type: 'unsigned',
      topic,
      partition,
      offset,
      why: fault ?? 'missing',
      ...(keyId && { keyId }),
      refused: isRequired,
    })
    if (!isRequired) return record
    return { ...record, value: topic === this.#evictions ? nothingOf(record) : REFUSED }
  }
}

const KNOWN: Options = {
  keys: () => undefined,
  sign: mode,
  evictions: mode,
  topics: { evictions: text, updates: text, requests: text, writes: text, deadLetters: text },
  onEvent: callback,
  runtime: isRuntime,
}

/**
 * A heartbeat in the place of an eviction that is refused (decision 119). It differs with what it stands for: a log without identity
 * is recognised by its last record.
 */
const nothingOf = (record: LogRecord): Uint8Array =>
  encodeUtf8(JSON.stringify({ v: 1, op: 'beat', refused: digestOf(record) }))

function isBeat(value: Uint8Array): boolean {
  if (value.length > MAX_BEAT_BYTES) return false
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(value))
    return isObject(said) && said['v'] === 1 && said['op'] === 'beat'
  } catch {
    return false
  }
}
