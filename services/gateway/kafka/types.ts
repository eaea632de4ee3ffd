/** Public types of the Kafka cluster; none of the client library's. @module */

export interface KafkaTls {
  /** PEM; the authorities of the system when absent. */
  readonly ca?: string
  /** PEM of the client's certificate. */
  readonly cert?: string
  /** PEM of the client's key. */
  readonly key?: string
  /** `false` accepts any certificate: for a look, never for service. @default true */
  readonly rejectUnauthorized?: boolean
  /** The name that the certificate must have. @default the broker's host, unless it is an address */
  readonly servername?: string
}

export interface KafkaPassword {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

/** A bearer token, or what gives the current one whenever a connection is made. */
export type KafkaToken = string | (() => string | Promise<string>)

/** KIP-255, RFC 7628. */
export interface KafkaOauthBearer {
  readonly mechanism: 'OAUTHBEARER'
  /** `clientCredentials({ … })`, or a function of your own, which must settle by itself. */
  readonly token: KafkaToken
  /** SASL extensions (KIP-342), such as the `logicalCluster` and `identityPoolId` of Confluent Cloud. @default none */
  readonly extensions?: Readonly<Record<string, string>>
}

export type KafkaSasl = KafkaPassword | KafkaOauthBearer

export interface KafkaOptions {
  /** `host:port` of brokers to ask first, at least one. The others are learned from them. */
  readonly brokers: readonly string[]
  /** What brokers call us in their logs and quotas. @default 'kedge-gateway' */
  readonly clientId?: string
  /** @default false */
  readonly tls?: boolean | KafkaTls
  readonly sasl?: KafkaSasl
  /**
   * How long one call may take, attempts and all, in milliseconds; a long poll may take this beyond what it waits.
   *
   * @default 10_000
   */
  readonly requestTimeoutMs?: number
  /**
   * The cluster's `broker.session.timeout.ms`, or less: how long a broker must have been silent before another may lead
   * in its place, in milliseconds. Where a leader has not answered for a third of it, the other replicas in sync are asked
   * whether it still leads, before its end offset is used.
   *
   * @default 9000, as Kafka's own
   */
  readonly sessionTimeoutMs?: number
  /**
   * What one compressed batch of records may inflate to, in bytes. A larger one counts as unreadable: its place is
   * taken by one record that no cache can read, which evicts everything. @default 33_554_432
   */
  readonly maxBatchBytes?: number
  /** Called with each unreadable batch, each time that a read meets it. */
  readonly onUnreadable?: (batch: UnreadableBatch) => void
  /** Called with each error code of a broker's answer, by its name in Kafka's protocol: `NOT_LEADER_OR_FOLLOWER`. */
  readonly onErrorCode?: (name: string) => void
}

/** A batch in the log that cannot be read: its checksum is wrong, its compression unknown, it inflates without end. */
export interface UnreadableBatch {
  readonly topic: string
  readonly partition: number
  /** The first offset of it that a read asked for. */
  readonly from: number
  /** The offset of the record that the gateway returns in its place. */
  readonly offset: number
  readonly reason: string
}

export interface TopicOptions {
  /** The broker's `num.partitions` when absent. */
  readonly partitions?: number | undefined
  /** The broker's `default.replication.factor` when absent. */
  readonly replicas?: number | undefined
  /** Settings of the topic by Kafka's names, e.g. `cleanup.policy`. */
  readonly configs?: Readonly<Record<string, string>> | undefined
}
