/**
 * A read whose answer goes to a response of Node. Thousands wait: each is this object and the request and response of Node,
 * and nothing else.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import { REQUEST_ID, requestIdFrom } from '../../audit/request-ids.ts'
import type { OnClose } from '../around-each.ts'
import { send } from '../node-answer.ts'
import type { NodeAnswer } from '../node-answer.ts'
import type { PartitionRead, ReadCaller, StartedRead } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import type { Service } from '../service.ts'
import { GONE } from './confluent/errors.ts'
import { answerOf, RECORDS, refusedWith } from './stateless-read.ts'
import type { Asked } from './stateless-read.ts'

export class NodeRead implements ReadCaller {
  readonly #service: Service
  readonly #asked: Asked
  readonly #outgoing: ServerResponse
  readonly #onClose: OnClose | undefined
  readonly #began: number
  #requestId: string | undefined
  #read: StartedRead | undefined
  #isPoll = false

  constructor(service: Service, asked: Asked, outgoing: ServerResponse, onClose?: OnClose) {
    this.#service = service
    this.#asked = asked
    this.#outgoing = outgoing
    this.#onClose = onClose
    this.#began = onClose ? service.runtime.monotonic() : countedFrom(service)
    this.#requestId = asked.requestId
  }

  /** To be called once. */
  begin(): void {
    const { client, cluster, position, waitMs } = this.#asked
    this.#outgoing.on('close', () => this.#closed())
    try {
      if (waitMs > 0) {
        this.#service.polls.enter(client)
        this.#isPoll = true
      }
      this.#read = cluster.startRead(position, this.#asked, this)
    } catch (error) {
      this.refuse(error)
    }
  }

  answer(read: PartitionRead): void {
    const headers = { [REQUEST_ID]: this.#id() }
    let answer: NodeAnswer
    try {
      answer = answerOf(this.#service, this.#asked, read, headers)
    } catch (error) {
      return this.#refuse(error, headers)
    }
    this.#send(answer)
  }

  refuse(error: unknown): void {
    this.#refuse(error, { [REQUEST_ID]: this.#id() })
  }

  #refuse(error: unknown, headers: Record<string, string>): void {
    const isFault = !(error instanceof Refusal)
    // What a wait ends with whose client is gone is no fault of the gateway.
    if (isFault && !this.#outgoing.destroyed) this.#service.onError(error)
    this.#send(refusedWith(this.#service, error, headers))
  }

  #send(answer: NodeAnswer): void {
    if (this.#isPoll) this.#service.polls.leave(this.#asked.client)
    this.#isPoll = false
    const { counters, runtime } = this.#service
    const status = this.#outgoing.destroyed ? GONE : answer.status
    counters.answered?.('GET', RECORDS, status, runtime.monotonic() - this.#began)
    send(this.#outgoing, answer)
  }

  #closed(): void {
    this.#read?.leave()
    this.#onClose?.(this.#outgoing, this.#began, this.#id())
  }

  /** Not before it is needed: a new id is some six hundred bytes. */
  #id(): string {
    return (this.#requestId ??= requestIdFrom(undefined))
  }
}

/** In whole milliseconds: a number that takes no place of its own while thousands wait. 0 where none is asked for. */
const countedFrom = ({ counters, runtime }: Service): number =>
  counters.answered ? Math.floor(runtime.monotonic()) : 0
