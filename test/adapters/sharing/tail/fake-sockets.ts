/** Sockets between a tail and its clients, on a clock that a test moves. */
import { feedTerms, TailFeed } from '../../../../adapters/sharing/tail/feed.ts'
import type { FeedSession, FeedSocket } from '../../../../adapters/sharing/tail/feed.ts'
import type { WebSocketLike } from '../../../../adapters/sharing/tail/socket-link.ts'
import type { TailState } from '../../../../adapters/sharing/tail/state.ts'
import type { Runtime } from '../../../../src/ports/runtime.ts'

export interface Frame {
  readonly r?: readonly (readonly [number, ...unknown[]])[]
  readonly base?: number
  readonly next?: number
  readonly b?: { readonly log: string; readonly life: string; readonly at: number; readonly end: number }
  readonly p?: number
  readonly life?: string
  readonly theirs?: number
  readonly x?: string
}

/** The server's side, whose network a test fills. */
export class ServerSocket implements FeedSocket {
  bufferedAmount = 0
  readonly texts: string[] = []
  closed: { readonly code: number; readonly reason: string } | undefined
  onSend: (text: string) => void = () => undefined
  onClose: () => void = () => undefined

  send(text: string): void {
    if (this.closed) throw new Error('sent after close')
    this.texts.push(text)
    this.onSend(text)
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason }
    this.onClose()
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text) as Frame)
  }

  /** Offsets of all records that were sent. */
  get offsets(): number[] {
    return this.frames.flatMap(({ r = [] }) => r.map(([offset]) => offset))
  }

  get beats(): NonNullable<Frame['b']>[] {
    return this.frames.flatMap(({ b }) => (b ? [b] : []))
  }
}

type Listener = Parameters<WebSocketLike['addEventListener']>[1]

/** The client's side. */
class ClientSocket implements WebSocketLike {
  readyState = 0
  readonly #listeners: [string, Listener][] = []
  onSend: (text: string) => void = () => undefined
  onClose: () => void = () => undefined

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.push([type, listener])
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error('sent though it is not open')
    this.onSend(text)
  }

  close(): void {
    if (this.readyState > 1) return
    this.readyState = 3
    this.onClose()
    this.tell('close')
  }

  tell(type: string, data?: unknown): void {
    if (type === 'open') this.readyState = 1
    if (type === 'close') this.readyState = 3
    for (const [each, listener] of this.#listeners) if (each === type) listener({ type, data })
  }
}

export interface Network {
  /** How long each way takes. */
  delayMs: number
  /** No socket opens. */
  isAway: boolean
  /** Nothing passes, and neither side hears of it. */
  isCut: boolean
  /** What becomes of a frame of the server; `undefined` loses it. */
  onFrame: (text: string) => unknown
  readonly opened: string[]
  readonly protocols: string[][]
  readonly open: {
    readonly client: ClientSocket
    readonly server: ServerSocket
    readonly session: FeedSession
  }[]
  readonly feed: TailFeed
  readonly connect: (url: string, protocols: string[]) => WebSocketLike
  /** Every socket breaks. */
  breaks(): void
}

export function network(state: TailState, runtime: Runtime): Network {
  const later = async (task: () => void) => {
    if (net.delayMs > 0) await runtime.sleep(net.delayMs)
    if (!net.isCut) task()
  }
  const net: Network = {
    delayMs: 0,
    isAway: false,
    isCut: false,
    onFrame: (text) => text,
    opened: [],
    protocols: [],
    open: [],
    feed: new TailFeed({ state, runtime }),
    connect(url, protocols) {
      net.opened.push(url)
      net.protocols.push(protocols)
      const client = new ClientSocket()
      if (net.isAway) {
        void later(() => client.tell('error'))
        return client
      }
      void later(() => accept(client, url))
      return client
    },
    breaks() {
      for (const { client, session } of net.open.splice(0)) {
        session.ended()
        client.tell('close')
      }
    },
  }
  function accept(client: ClientSocket, url: string): void {
    const { pathname, searchParams } = new URL(url)
    const [, topic = '', partition = ''] = /\/tail\/([^/]+)\/(\d+)\/ws$/.exec(pathname) ?? []
    const server = new ServerSocket()
    client.tell('open')
    const session = net.feed.open(server, feedTerms(topic, Number(partition), searchParams))
    net.open.push({ client, server, session })
    server.onSend = (text) => {
      const told = net.onFrame(text)
      if (told !== undefined) void later(() => client.tell('message', told))
    }
    server.onClose = () => void later(() => client.tell('close'))
    client.onSend = (text) => void later(() => session.heard(text))
    client.onClose = () => void later(() => session.ended())
  }
  return net
}
