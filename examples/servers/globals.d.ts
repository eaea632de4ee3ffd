/** What the examples use of Deno and of Bun. In a project of yours: `deno types`, and the package `@types/bun`. */

declare const Deno: {
  readonly env: { get(name: string): string | undefined }
  serve(
    options: {
      readonly hostname: string
      readonly port: number
      readonly onListen: (address: { readonly hostname: string; readonly port: number }) => void
    },
    handler: (request: Request) => Response | Promise<Response>,
  ): { shutdown(): Promise<void> }
  addSignalListener(signal: 'SIGTERM', listener: () => void): void
}

declare const Bun: {
  serve(options: {
    readonly hostname: string
    readonly port: number
    readonly fetch: (request: Request) => Response | Promise<Response>
  }): { readonly hostname: string; readonly port: number; stop(): Promise<void> }
}
