/** What the gateway bounds, and by how much. @module */

export interface GatewayLimits {
  /** The largest request body, counted while it arrives. @default 8_388_608 */
  readonly maxBodyBytes?: number
  /**
   * Values in the JSON of one body: items of lists and members of objects, at any depth, and one for each list and object.
   * What a body costs grows with them. @default 100_000
   */
  readonly maxBodyValues?: number
  /** Bytes of all bodies that are being received, or were received and are at work. @default 67_108_864 */
  readonly maxBufferedBytes?: number
  /** Records in one request. @default 10_000 */
  readonly maxRecords?: number
  /** Headers on one record. @default 64 */
  readonly maxRecordHeaders?: number
  /** Partitions in one fetch or assignment. @default 256 */
  readonly maxPartitions?: number
  /** The longest wait of one poll, in milliseconds; a client that asks for more gets this. @default 30_000 */
  readonly maxWaitMs?: number
  /** The largest answer to one poll, in bytes of keys and values; a client that asks for more gets this. @default 8_388_608 */
  readonly maxReadBytes?: number
  /** Polls that may wait at once. @default 1000 */
  readonly maxPolls?: number
  /** Sockets that may follow partitions at once; each is a connection as well. @default 5000 */
  readonly maxSockets?: number
  /**
   * Bytes of all answers that the gateway sends at once: a client that reads slowly keeps its answer in memory
   * until it has read it. @default 33_554_432
   */
  readonly maxAnswerBytes?: number
  /** Consumer instances that may exist at once. @default 1000 */
  readonly maxInstances?: number
  /** Idle time after which a consumer instance is forgotten, in milliseconds (kafka-rest `consumer.instance.timeout.ms`). @default 300_000 */
  readonly instanceTimeoutMs?: number
  /**
   * What one client may have of the polls, sockets, instances, bytes and connections that the others leave, in percent. A client is
   * a credential (those of one name are one), or where there are none an address. At 100 one may take all. @default 75
   */
  readonly clientShare?: number
}

const DEFAULTS: Required<GatewayLimits> = {
  maxBodyBytes: 8_388_608,
  maxBodyValues: 100_000,
  maxBufferedBytes: 67_108_864,
  maxRecords: 10_000,
  maxRecordHeaders: 64,
  maxPartitions: 256,
  maxWaitMs: 30_000,
  maxReadBytes: 8_388_608,
  maxPolls: 1000,
  maxSockets: 5000,
  maxAnswerBytes: 33_554_432,
  maxInstances: 1000,
  instanceTimeoutMs: 300_000,
  clientShare: 75,
}

/** The limits with their defaults. @throws TypeError naming the one that is unknown or not a whole number of at least 1. */
export function limitsOf(limits: GatewayLimits = {}): Required<GatewayLimits> {
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in DEFAULTS)) throw new TypeError(`\`${name}\` is not a limit of the gateway`)
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`\`${name}\` must be a whole number of at least 1, got ${String(value)}`)
    }
  }
  if ((limits.clientShare ?? 1) > 100)
    throw new TypeError(`\`clientShare\` must be at most 100, got ${String(limits.clientShare)}`)
  return { ...DEFAULTS, ...limits }
}
