/**
 * One trace in a real Zipkin, from a request at one isolate to the eviction applied in another, through the gateway: from Node to workerd
 * (without `nodejs_compat`), and back.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { bundle } from '../runtime/bundle.ts'
import { guard } from '../store-servers/process.ts'
import { startIsolate } from '../worker/miniflare-isolate.ts'
import { startZipkin, withoutZipkin } from './zipkin.ts'
import type { Zipkin, ZipkinSpan } from './zipkin.ts'

const missing = withoutZipkin()
const START_MS = 300_000
const PATIENCE_MS = 60_000
const PROCESS = fileURLToPath(new URL('shop-process.ts', import.meta.url))
const WORKER = new URL('shop-worker.ts', import.meta.url)

interface Running {
  readonly url: string
  close(): Promise<unknown>
}

async function startProcess(...args: readonly string[]): Promise<Running> {
  const child = spawn(process.execPath, [PROCESS, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  guard(child)
  const ended = once(child, 'exit')
  const early = ended.then(() => Promise.reject(new Error('the shop did not start')))
  early.catch(() => undefined)
  const [line] = (await Promise.race([once(child.stdout, 'data'), early])) as [Buffer]
  return {
    url: line.toString().trim(),
    close: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const hex = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')

describe.skipIf(missing)('in a real Zipkin', { timeout: 2 * PATIENCE_MS }, () => {
  const closers: (() => Promise<unknown>)[] = []
  let zipkin: Zipkin
  let gateway: RunningGateway
  let node: Running
  let workerd: Running

  beforeAll(async () => {
    zipkin = await startZipkin()
    closers.push(() => zipkin.stop())
    gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
    closers.push(() => gateway.close())
    node = await startProcess(gateway.url, zipkin.url)
    closers.push(() => node.close())
    const { code } = await bundle(WORKER, { external: ['cloudflare:*'] })
    workerd = await startIsolate(code, { KAFKA: gateway.url, ZIPKIN: zipkin.url })
    closers.push(() => workerd.close())
  }, START_MS)
  afterAll(async () => {
    for (const close of closers.toReversed()) await close()
  })

  const ask = async (at: Running, method: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${at.url}/users/7`, { method, headers })
    expect(answer.status).toBe(200)
    return (await answer.json()) as { readonly cached?: boolean; readonly token?: string }
  }

  it.each([
    ['node', 'workerd'],
    ['workerd', 'node'],
  ] as const)('a trace leads from %s, which evicts, to %s, which drops the key', async (from, to) => {
    const [writer, reader] = from === 'node' ? [node, workerd] : [workerd, node]
    await expect.poll(async () => (await ask(reader, 'GET')).cached, { timeout: PATIENCE_MS }).toBe(true)
    const traceId = hex(16)
    const caller = hex(8)
    await ask(writer, 'DELETE', { traceparent: `00-${traceId}-${caller}-01` })
    let spans: readonly ZipkinSpan[] = []
    await expect
      .poll(
        async () => {
          // Its requests poll, and send what they have recorded.
          await ask(reader, 'GET')
          spans = await zipkin.trace(traceId)
          return spans.map(({ localEndpoint, kind, name }) => `${localEndpoint?.serviceName} ${kind} ${name}`)
        },
        { timeout: PATIENCE_MS, interval: 500 },
      )
      .toEqual(
        expect.arrayContaining([
          `${from} SERVER delete /users/:id`,
          `${from} PRODUCER send cache-evictions`,
          `${to} CONSUMER process cache-evictions`,
        ]),
      )
    const of = (kind: string, service: string) =>
      spans.find((span) => span.kind === kind && span.localEndpoint?.serviceName === service)!
    const [request, send, applied] = [of('SERVER', from), of('PRODUCER', from), of('CONSUMER', to)]
    expect([request.parentId, send.parentId, applied.parentId]).toEqual([caller, request.id, send.id])
    expect(applied.tags).toMatchObject({
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'kedge.namespace': 'users',
      'messaging.kafka.offset': send.tags!['messaging.kafka.offset'],
    })
    expect(JSON.stringify(spans)).not.toContain('"7"')
  })

  it.each(['node', 'workerd'] as const)('a trace has the load and the poll of a request: %s', async (at) => {
    const isolate = at === 'node' ? node : workerd
    await ask(isolate, 'DELETE')
    const traceId = hex(16)
    await ask(isolate, 'GET', { traceparent: `00-${traceId}-${hex(8)}-01` })
    let spans: readonly ZipkinSpan[] = []
    await expect
      .poll(
        async () => {
          if (at === 'workerd') await ask(isolate, 'GET')
          spans = await zipkin.trace(traceId)
          return spans.map(({ name }) => name)
        },
        { timeout: PATIENCE_MS, interval: 500 },
      )
      .toEqual(expect.arrayContaining(['get /users/:id', 'load users']))
    const load = spans.find(({ name }) => name === 'load users')!
    expect(load.parentId).toBe(spans.find(({ name }) => name === 'get /users/:id')!.id)
  })
})
