/**
 * Clients that long-poll, each over a connection of its own: sockets and as little else as will do, since they share
 * the machine with what is measured.
 *
 * @module
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Connections that are being made at once: fewer than a listening socket keeps in line. */
const AT_ONCE = 100
const MAX_BYTES = 1_048_576

export class Pollers {
  readonly #host: string
  readonly #port: number
  readonly #path: string
  readonly #sockets: Socket[] = []
  #closed = false
  /** Rejects when one was refused, was not understood, or has lost its connection. */
  readonly failure: Promise<never>
  #reject: (error: Error) => void = () => {}
  #onTold: (() => void) | undefined

  /** What the next polls ask for as their longest wait, in milliseconds. */
  wait: () => number
  /** When each poller got the expected record, since `expect` was called; by `performance.now()`. */
  told: number[] = []
  #expected = Infinity

  constructor(url: string, topic: string, wait: () => number) {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
    this.failure = new Promise((_, reject) => (this.#reject = reject))
    // It may reject before the caller awaits it.
    this.failure.catch(() => {})
    this.#path = `/topics/${topic}/partitions/0/records`
    this.wait = wait
  }

  get count(): number {
    return this.#sockets.length
  }

  /** Connects as many, all of which poll from `offset` on until closed. */
  async open(count: number, offset: number): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, () => this.#open(offset)))
    }
  }

  /** Resolves when every poller has got the record at `offset`. */
  expect(offset: number): Promise<void> {
    this.told = []
    this.#expected = offset
    return new Promise((resolve) => {
      this.#onTold = resolve
    })
  }

  close(): void {
    this.#closed = true
    for (const socket of this.#sockets) socket.destroy()
  }

  async #open(offset: number): Promise<void> {
    const socket = connect(this.#port, this.#host)
    this.#sockets.push(socket)
    socket.setNoDelay(true)
    await once(socket, 'connect')
    let from = offset
    let seen = ''
    const poll = () => {
      const query = `offset=${from}&timeout=${this.wait()}&max_bytes=${MAX_BYTES}`
      socket.write(
        `GET ${this.#path}?${query} HTTP/1.1\r\nhost: ${this.#host}\r\naccept: application/vnd.kafka.binary.v2+json\r\n\r\n`,
      )
    }
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      seen += text
      const next = nextOf(seen)
      if (next === undefined) return
      if (next instanceof Error) return this.#fail(next)
      seen = ''
      if (from <= this.#expected && next > this.#expected) this.#tell()
      from = next
      poll()
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the gateway has closed a connection')))
    poll()
  }

  #tell(): void {
    this.told.push(performance.now())
    if (this.told.length === this.count) this.#onTold?.()
  }

  #fail(error: Error): void {
    if (!this.#closed) this.#reject(error)
  }
}

/** The offset to go on from, once an answer is there whole. */
function nextOf(text: string): number | Error | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  if (!text.startsWith('HTTP/1.1 200 ')) return new Error(text.slice(0, 1000))
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
  const next = /\r\nkedge-next-offset: (\d+)/i.exec(text)?.[1]
  if (length === undefined || next === undefined) return new Error(`not understood: ${text.slice(0, 1000)}`)
  return text.length < head + 4 + Number(length) ? undefined : Number(next)
}
