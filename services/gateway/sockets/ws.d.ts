// What the gateway uses of `ws`, which comes without types of its own.
declare module 'ws' {
  import type { IncomingMessage } from 'node:http'
  import type { Duplex } from 'node:stream'

  interface ServerOptions {
    readonly noServer: true
    readonly clientTracking: boolean
    readonly perMessageDeflate: false
    readonly maxPayload: number
    readonly closeTimeout: number
    readonly handleProtocols: (protocols: Set<string>) => string | false
  }

  class WebSocket {
    constructor(url: string, protocols?: string | readonly string[], options?: object)
    readonly bufferedAmount: number
    readonly protocol: string
    readonly readyState: number
    send(text: string): void
    close(code?: number, reason?: string): void
    terminate(): void
    ping(): void
    on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this
    on(event: 'close', listener: (code: number, reason: Buffer) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void
  }

  class WebSocketServer {
    constructor(options: ServerOptions)
    readonly clients: Set<WebSocket>
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      taken: (socket: WebSocket) => void,
    ): void
    close(): void
  }

  export { WebSocket, WebSocketServer }
}
