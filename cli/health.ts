/** Serves the health of a long-lived process over HTTP. @module */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommandError, sentence, UsageError } from './failure.ts'
import { onPort } from './taken-port.ts'

export interface Health {
  /** Why the process is not ready; `undefined` when it is. */
  problem(): string | undefined
  /** How far the process is behind, and its counters; absent where it follows nothing. Rejects while the log does not answer. */
  lag?(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>
  /** In Prometheus' text format, version 0.0.4. */
  metrics?(signal: AbortSignal): Promise<string>
}

/** Answers requests of its own paths; `false` for all others. */
export type OwnPaths = (request: IncomingMessage, response: ServerResponse) => boolean

export interface RunningHealth {
  readonly url: string
  close(): Promise<void>
}

const LAG_DEADLINE_MS = 5000

/**
 * Answers `GET /healthz` (200 while the process lives), `/readyz` (200, or 503 with the problem), `/lag`
 * (JSON) and, for processes that have metrics, `/metrics`.
 *
 * @param place `port` or `host:port`
 * @param own asked first: the live page of a service that has no other address
 * @throws UsageError when `place` is neither, or listening fails; CommandError when the port is taken
 */
export async function startHealth(
  place: string,
  health: Health,
  own: OwnPaths = () => false,
): Promise<RunningHealth> {
  const { host, port } = placeOf(place)
  const server = createServer((request, response) => {
    if (own(request, response)) return
    const path = (request.url ?? '').split('?', 1)[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') say(response, 405, { error: 'GET alone' })
    else if (path === '/healthz') say(response, 200, { ok: true })
    else if (path === '/readyz') ready(response, health)
    else if (path === '/lag' && health.lag) void lag(response, health)
    else if (path === '/metrics' && health.metrics) void metrics(response, health)
    else say(response, 404, { error: `there are ${pathsOf(health).join(', ')}` })
  })
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
  const instead = (other: number) => `--listen ${place.slice(0, place.lastIndexOf(':') + 1)}${other}`
  await onPort({ port, whose: 'another service', instead }, listen).catch((cause: unknown) => {
    if (cause instanceof CommandError) throw cause
    throw new UsageError(`--listen: ${sentence(cause)}`, { cause })
  })
  const { port: found } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${found}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const pathsOf = (health: Health): string[] => [
  '/healthz',
  '/readyz',
  ...('lag' in health ? ['/lag'] : []),
  ...('metrics' in health ? ['/metrics'] : []),
]

function ready(response: ServerResponse, health: Health): void {
  const problem = health.problem()
  if (problem === undefined) say(response, 200, { ready: true })
  else say(response, 503, { ready: false, problem })
}

async function lag(response: ServerResponse, health: Health): Promise<void> {
  try {
    say(response, 200, await health.lag!(AbortSignal.timeout(LAG_DEADLINE_MS)))
  } catch (error) {
    say(response, 503, { error: sentence(error) })
  }
}

async function metrics(response: ServerResponse, health: Health): Promise<void> {
  const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
  try {
    const text = await health.metrics!(AbortSignal.timeout(LAG_DEADLINE_MS))
    response.writeHead(200, headers).end(text)
  } catch (error) {
    say(response, 503, { error: sentence(error) })
  }
}

function say(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`)
}

function placeOf(place: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:(?:\[([\da-fA-F:]+)\]|([\w.-]+)):)?(\d{1,5})$/.exec(place) ?? []
  const port = Number(digits)
  if (!(port <= 65_535))
    throw new UsageError('--listen must be a port, or a host and a port such as 0.0.0.0:9100')
  return { host: bracketed ?? plain ?? '127.0.0.1', port }
}
