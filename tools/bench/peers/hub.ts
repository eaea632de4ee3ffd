/**
 * A bus in this process, as Redis with its usual clients is one: a connected client gets a message once,
 * another client never gets it; what a client publishes while it is cut off waits and is sent when it is
 * back.
 *
 * @module
 */
import type { Link } from './subject.ts'

type Handler = (message: unknown) => void

export class Hub {
  readonly #clients: HubClient[] = []

  connect(): HubClient {
    const client = new HubClient((from, channel, message) => {
      // Every library ignores what it has published itself.
      for (const each of this.#clients) if (each !== from) each.receive(channel, message)
    })
    this.#clients.push(client)
    return client
  }
}

export class HubClient implements Link {
  lost = 0
  #losing = 0
  #connected = true
  readonly #send: (from: HubClient, channel: string, message: unknown) => void
  readonly #handlers = new Map<string, Handler[]>()
  readonly #waiting: (() => void)[] = []
  readonly #onBack: (() => void)[] = []

  constructor(send: (from: HubClient, channel: string, message: unknown) => void) {
    this.#send = send
  }

  async publish(channel: string, message: unknown): Promise<void> {
    if (!this.#connected) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#send(this, channel, structuredClone(message))
  }

  subscribe(channel: string, handler: Handler): void {
    this.#handlers.set(channel, [...(this.#handlers.get(channel) ?? []), handler])
  }

  unsubscribe(channel: string): void {
    this.#handlers.delete(channel)
  }

  /** Called each time the connection is back. */
  onBack(callback: () => void): void {
    this.#onBack.push(callback)
  }

  receive(channel: string, message: unknown): void {
    const handlers = this.#handlers.get(channel) ?? []
    if (handlers.length === 0) return
    if (!this.#connected || this.#losing > 0) {
      this.lost++
      this.#losing = Math.max(0, this.#losing - 1)
      return
    }
    for (const handler of handlers) handler(message)
  }

  loseNext(): void {
    this.#losing++
  }

  cut(): void {
    this.#connected = false
  }

  restore(): void {
    this.#connected = true
    for (const send of this.#waiting.splice(0)) send()
    for (const callback of this.#onBack) callback()
  }
}
