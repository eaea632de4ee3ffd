/**
 * The example for Next.js as its reader has it: installed into an empty folder with the packed package, built, and run as
 * two processes around one gateway.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import { project } from '../../package/project.ts'
import { sharedTarball } from '../../package/shared-package.ts'
import { ROOT } from '../../package/tarball.ts'

const EXAMPLE = join(ROOT, 'examples/next')

const undo: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const each of undo.toReversed()) await each()
})

/** Where products are: each answer says how often they were read by then. */
async function source() {
  const names = new Map([['7', 'Ada']])
  let reads = 0
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const id = request.url!.slice(1)
    if (request.method === 'PUT') {
      names.set(id, await text(request))
      response.end()
    } else {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: names.get(id), reads: ++reads }))
    }
  }
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.push(async () => server.close().closeAllConnections())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, names }
}

/** A process of `next start`; resolves to its address when it listens. */
async function start(folder: string, env: Readonly<Record<string, string>>): Promise<string> {
  const next = join(folder, 'node_modules/next/dist/bin/next')
  const child: ChildProcess = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', '0'], {
    cwd: folder,
    env: { ...process.env, ...env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  undo.push(async () => {
    child.kill('SIGKILL')
    await exited
  })
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  throw new Error('next start ended before it listened')
}

interface Product {
  readonly name: string
  readonly reads: number
}

const productOf = async (url: string): Promise<Product> => {
  const answer = await fetch(`${url}/products/7`)
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Product
}
const revalidate = async (url: string, what = ''): Promise<void> => {
  const { status } = await fetch(`${url}/products/7/revalidate${what}`, { method: 'POST' })
  expect(status).toBe(204)
}

/** Sends the form of a page as a browser without scripts does; resolves to the page that answers. */
async function submit(page: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const html = await (await fetch(page)).text()
  const form = new FormData()
  for (const [, name, value = ''] of html.matchAll(
    /<input type="hidden" name="([^"]*)"(?: value="([^"]*)")?/g,
  )) {
    form.set(plain(name!), plain(value))
  }
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  const headers = { origin: new URL(page).origin }
  return (await fetch(page, { method: 'POST', headers, body: form })).text()
}
const plain = (html: string): string => html.replaceAll('&quot;', '"').replaceAll('&amp;', '&')

describe('the example for Next.js', () => {
  it('has exact versions', async () => {
    const { dependencies } = JSON.parse(await readFile(join(EXAMPLE, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it(
    'holds what a process made, and drops tags and paths that another process revalidates',
    { timeout: 300_000 },
    async () => {
      const app = await project({
        'conforms.ts': `
          import { createCache } from 'kedge'
          import { nextCacheHandler } from 'kedge/adapters/next'
          import { memory } from 'kedge/testing'
          import type { CacheHandler } from 'next/dist/server/lib/cache-handlers/types.js'
          export const handler: CacheHandler = nextCacheHandler(createCache({ kafka: memory() }))
        `,
        'tsconfig.check.json': JSON.stringify({
          compilerOptions: {
            target: 'es2022',
            lib: ['es2022', 'dom'],
            types: [],
            module: 'nodenext',
            strict: true,
            skipLibCheck: true,
            noEmit: true,
          },
          files: ['conforms.ts'],
        }),
      })
      undo.push(() => app.remove())
      await cp(EXAMPLE, app.folder, {
        recursive: true,
        filter: (path) => !/[\\/](?:node_modules|\.next)$/.test(path),
      })
      // Without a lock file: one for all platforms cannot be made from registries that have the compiler for some of them.
      const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline']
      await app.run('npm', 'install', ...quiet, sharedTarball())
      await app.run('tsc', '-p', 'tsconfig.check.json')
      await app.run(
        'env',
        'NEXT_TELEMETRY_DISABLED=1',
        'NODE_ENV=production',
        'node_modules/.bin/next',
        'build',
      )

      const gateway = await startGateway()
      undo.push(() => gateway.close())
      const products = await source()
      const env = { NEXT_TELEMETRY_DISABLED: '1', KAFKA_REST_URL: gateway.url, SOURCE_URL: products.url }
      const [here, there] = await Promise.all([start(app.folder, env), start(app.folder, env)])

      // The first request of a process may come before its first contact with the log; nothing is held until then.
      const held = async (url: string): Promise<Product> => {
        await expect
          .poll(async () => (await productOf(url)).reads === (await productOf(url)).reads, LONG)
          .toBe(true)
        return productOf(url)
      }
      const before = [await held(here), await held(there)]
      expect(before).toMatchObject([{ name: 'Ada' }, { name: 'Ada' }])
      expect(before[0]!.reads).not.toBe(before[1]!.reads)
      expect([await productOf(here), await productOf(there)]).toEqual(before)

      // A webhook reports a change made elsewhere. Next.js answers a route before it has revalidated.
      products.names.set('7', 'Grace')
      await revalidate(here)
      await expect.poll(async () => (await productOf(here)).name, LONG).toBe('Grace')
      await expect.poll(async () => (await productOf(there)).name, LONG).toBe('Grace')

      // A path: nothing that was made before is served to it.
      const { reads } = await held(there)
      await revalidate(here, '?path')
      await expect.poll(async () => (await productOf(there)).reads, LONG).toBeGreaterThan(reads)

      // A server action reads its own write, and the other process sees it.
      expect(await submit(`${here}/products/7/edit`, { name: 'Barbara' })).toContain(
        '<output>Barbara</output>',
      )
      await expect.poll(async () => (await productOf(there)).name, LONG).toBe('Barbara')
      expect(await held(there)).toMatchObject({ name: 'Barbara' })
    },
  )
})

/** Longer than `maxStaleness`, by as much as a busy machine may need. */
const LONG = { timeout: 20_000, interval: 100 }
