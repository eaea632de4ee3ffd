/** The tail of the deployable worker: a Durable Object that samples the log of its bindings. @module */
import { tail } from '../adapters/sharing/tail.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { readBindings } from './bindings.ts'
import { logOf } from './kafka-log.ts'
import { objectSocket } from './tail/object-socket.ts'
import { TailObject } from './tail/tail-object.ts'

/** Bind it as `KEDGE_TAIL`, for `TAIL = "durable-object"`. Its variables are those of the worker. */
export class KedgeTail extends TailObject {
  protected override log(): KafkaLog {
    const { kafka, tail: settings } = readBindings(this.env)
    const origin = logOf(kafka)
    if (settings?.kind !== 'durable-object' || !settings.socket) return origin
    return tail({ origin, ...settings.socket, topics: [settings.topic], socket: objectSocket() })
  }
}
