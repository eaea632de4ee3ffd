/** The log of the deployable worker, as its bindings name it. @module */
import { confluent } from '../adapters/kafka/confluent.ts'
import { gateway } from '../adapters/kafka/gateway.ts'
import { upstash } from '../adapters/kafka/upstash.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'

/** How the log is reached. */
export type KafkaSettings =
  | {
      readonly flavor: 'confluent' | 'gateway'
      readonly url: string
      readonly auth?: { readonly username: string; readonly password: string } | { readonly token: string }
    }
  | {
      readonly flavor: 'upstash'
      readonly url: string
      readonly username: string
      readonly password: string
    }

/** @throws TypeError where a setting is refused. */
export function logOf(kafka: KafkaSettings): KafkaLog {
  if (kafka.flavor === 'upstash') {
    const { url, username, password } = kafka
    return upstash({ url, username, password })
  }
  const { flavor, url, auth } = kafka
  const connect = flavor === 'gateway' ? gateway : confluent
  return connect({ url, ...(auth !== undefined && { auth }) })
}
