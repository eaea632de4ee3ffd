/**
 * The examples for Cloudflare as a user copies them: installed from the tarball into an empty folder,
 * type-checked, tested and bundled by their own tools, and then run as two isolates beside a gateway.
 */
import { cp, readFile, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { startIsolate } from '../worker/miniflare-isolate.ts'
import type { RunningIsolate } from '../worker/miniflare-isolate.ts'
import { until } from '../worker/miniflare-until.ts'
import { project } from './project.ts'
import type { Project } from './project.ts'
import { sharedTarball } from './shared-package.ts'
import { ROOT } from './tarball.ts'

const TOKEN = 'kafka-token'
const closers: (() => Promise<unknown>)[] = []
let home: Project
let gateway: RunningGateway
let upstream: Upstream

beforeAll(async () => {
  home = await project({})
  closers.push(() => home.remove())
  for (const name of ['worker-middleware', 'worker-proxy']) {
    const source = join(ROOT, 'examples', name)
    const filter = (path: string) => !path.slice(source.length).includes('node_modules')
    await cp(source, join(home.folder, name), { recursive: true, filter })
  }
  await npm('worker-middleware', 'install', '--no-audit', '--no-fund', '--prefer-offline', sharedTarball())
  // What the other example needs is among it.
  await symlink('../worker-middleware/node_modules', join(home.folder, 'worker-proxy/node_modules'), 'dir')
  gateway = await startGateway({ auth: { tokens: [TOKEN] }, memory: { topics: { 'cache-evictions': 1 } } })
  closers.push(() => gateway.close())
  upstream = await startUpstream()
  closers.push(() => upstream.close())
}, 300_000)
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
})

/** Runs npm in the folder of an example; its scripts find the example's own tools first. */
const npm = (name: string, ...args: readonly string[]): Promise<string> =>
  home.run('npm', '--prefix', name, ...args)

/** Bundles an example as it would be deployed, and starts it twice. */
async function twoIsolates(
  name: string,
  bindings: Readonly<Record<string, string>>,
): Promise<[RunningIsolate, RunningIsolate]> {
  await npm(name, 'run', 'deploy', '--', '--dry-run', '--outdir', 'out')
  const code = await readFile(join(home.folder, name, 'out/index.js'), 'utf8')
  const start = async (): Promise<RunningIsolate> => {
    const one = await startIsolate(code, { KAFKA_REST_URL: gateway.url, KAFKA_TOKEN: TOKEN, ...bindings })
    closers.push(() => one.close())
    return one
  }
  return [await start(), await start()]
}

interface Upstream {
  readonly url: string
  /** The rows, by path. */
  readonly rows: Map<string, { readonly body: string; readonly headers?: Record<string, string> }>
  /** Requests so far, by method and path. */
  readonly asked: string[]
  close(): Promise<void>
}

/** An API that knows nothing of caches: `GET` reads a row, `PUT` writes it. */
async function startUpstream(): Promise<Upstream> {
  const rows: Upstream['rows'] = new Map()
  const asked: string[] = []
  const server = createServer((request, response) => void answer(request, response))
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    asked.push(`${request.method} ${path}`)
    if (request.method === 'PUT') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      rows.set(path, { body: Buffer.concat(chunks).toString() })
      response.writeHead(204).end()
      return
    }
    const row = rows.get(path.split('?')[0]!)
    response.writeHead(row ? 200 : 404, { 'content-type': 'application/json', ...row?.headers })
    response.end(row?.body ?? '{}')
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    rows,
    asked,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const status = (answer: Response): string => answer.headers.get('cache-status') ?? ''
const priced = (price: number): string => JSON.stringify({ name: 'Tea', price, category: 'drinks' })

describe("the app of one's own with the middleware", { timeout: 300_000 }, () => {
  it('has no type errors, and its tests pass in workerd', async () => {
    await npm('worker-middleware', 'run', 'check')
    const printed = await npm('worker-middleware', 'test')
    expect(printed).toMatch(/Tests\s+9 passed \(9\)/)
  })

  it('forgets in one isolate what was changed through the other', async () => {
    const bindings = { PRODUCTS_URL: `${upstream.url}/products`, SHOP_TOKEN: 'shop-token' }
    const [one, other] = await twoIsolates('worker-middleware', bindings)
    upstream.rows.set('/products/1', { body: priced(3) })
    const price = async ({ url }: RunningIsolate, headers: Record<string, string> = {}): Promise<number> =>
      ((await (await fetch(`${url}/products/1`, { headers })).json()) as { price: number }).price
    const reads = () => upstream.asked.filter((each) => each === 'GET /products/1').length
    const held = async (isolate: RunningIsolate): Promise<boolean> => {
      const before = reads()
      expect(await price(isolate)).toBe(3)
      return reads() === before
    }
    await until(() => held(one), 'the one holds the product')
    await until(() => held(other), 'the other holds the product')
    const changed = await fetch(`${one.url}/products/1`, {
      method: 'PUT',
      body: priced(4),
      headers: { authorization: 'Bearer shop-token', 'content-type': 'application/json' },
    })
    expect(changed.status).toBe(204)
    expect(await price(other, { 'kedge-token': changed.headers.get('kedge-token') ?? '' })).toBe(4)
    expect(await price(one)).toBe(4)
  })
})

describe('the proxy', { timeout: 300_000 }, () => {
  let one: RunningIsolate
  let other: RunningIsolate
  beforeAll(async () => {
    await npm('worker-proxy', 'run', 'check')
    ;[one, other] = await twoIsolates('worker-proxy', {
      UPSTREAM_URL: upstream.url,
      TTL: '5m',
      // No poll comes on its own: an isolate knows what a token showed it, and what it did itself.
      MAX_STALENESS: '1h',
    })
  }, 300_000)

  const asked = (what: string): number => upstream.asked.filter((each) => each === what).length
  const held = (isolate: RunningIsolate, path: string) =>
    until(async () => status(await fetch(isolate.url + path)).includes('hit'), `${path} is held`)

  it('forgets in one isolate what was written through the other: the row, and the list that has it', async () => {
    upstream.rows.set('/teas', { body: '[3]' })
    upstream.rows.set('/teas/1', { body: priced(3), headers: { etag: '"a"' } })
    for (const path of ['/teas?sort=price', '/teas/1']) {
      await held(one, path)
      await held(other, path)
    }
    const written = await fetch(`${one.url}/teas/1`, { method: 'PUT', body: priced(4) })
    expect(written.status).toBe(204)
    upstream.rows.set('/teas', { body: '[4]' })
    const token = written.headers.get('kedge-token') ?? ''
    // Without the token the other isolate may go on with what it holds, so the eviction makes the difference.
    expect(await (await fetch(`${other.url}/teas/1`)).json()).toMatchObject({ price: 3 })
    const told = (path: string) => fetch(other.url + path, { headers: { cookie: `kedge-token=${token}` } })
    expect(await (await told('/teas/1')).json()).toMatchObject({ price: 4 })
    expect(await (await told('/teas?sort=price')).json()).toEqual([4])
  })

  it('serves what is held to every client, with its fields, and answers 304 when the client has it', async () => {
    upstream.rows.set('/cups', { body: '[]', headers: { etag: '"b"', 'x-total': '0' } })
    await held(one, '/cups')
    const answer = await fetch(`${one.url}/cups`)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-cache',
      'x-total': '0',
      etag: '"b"',
    })
    expect((await fetch(`${one.url}/cups`, { headers: { 'if-none-match': 'W/"b"' } })).status).toBe(304)
  })

  it.for([
    ['is private', { 'cache-control': 'private, max-age=60' }],
    ['sets a cookie', { 'set-cookie': 'session=1' }],
    ['varies by the origin of the request', { vary: 'Accept-Encoding, Origin' }],
  ] as const)('keeps no answer that %s', async ([what, headers]) => {
    const path = `/for-one/${what.replaceAll(' ', '-')}`
    upstream.rows.set(path, { body: '1', headers })
    await (await fetch(one.url + path)).text()
    upstream.rows.set(path, { body: '2', headers })
    const answer = await fetch(one.url + path)
    expect([await answer.text(), status(answer)]).toEqual(['2', ''])
  })

  it('keeps no answer that is too large, and lets it through whole', async () => {
    const body = JSON.stringify('x'.repeat(600_000))
    upstream.rows.set('/large', { body })
    for (let times = 0; times < 2; times++) {
      const answer = await fetch(`${one.url}/large`)
      expect([(await answer.text()).length, status(answer)]).toEqual([body.length, ''])
    }
  })

  it('lets personal requests pass by, with their headers', async () => {
    upstream.rows.set('/mine', { body: '1' })
    await held(one, '/mine')
    const before = asked('GET /mine')
    for (const headers of [{ authorization: 'Bearer x' }, { cookie: 'session=1' }, { range: 'bytes=0-1' }]) {
      expect(status(await fetch(`${one.url}/mine`, { headers }))).toBe('')
    }
    expect(asked('GET /mine')).toBe(before + 3)
  })
})
