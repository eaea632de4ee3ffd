import { createServer, get } from 'node:http'
import { get as getOverTls } from 'node:https'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { selfSigned } from '../services/gateway/self-signed.ts'
import { kedge, proxy } from './harness.ts'

const statusOf = (options: RequestOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    get(options, (got) => {
      got.resume()
      resolve(got.statusCode!)
    }).on('error', reject)
  })

describe('kedge serve', () => {
  it('names the option that is too short for the polls of its proxy', async () => {
    const gateway = proxy()
    const slow: typeof fetch = async (input, init) => {
      await new Promise((resolve) => setTimeout(resolve, 25))
      return gateway.fetch(input, init)
    }
    const stop = new AbortController()
    const args = ['--port', '0', '--open', '--transport', 'fetch', '--max-staleness', '200ms']
    const { code, err } = await kedge(['serve', ...args, '--poll-timeout', '10ms'], {
      fetch: slow,
      stop: stop.signal,
      runtime: systemRuntime(),
      onErr: (text) => text.includes('raise it') && stop.abort(),
    })
    expect(err).toMatch(/polls take \d+ ms, longer than --poll-timeout \(10 ms\): raise it/)
    expect(code).toBe(0)
  })

  it('refuses a time in which no poll ends, with 2', async () => {
    const { fetch } = proxy()
    const { code, err } = await kedge(
      ['serve', '--port', '0', '--open', '--transport', 'fetch', '--poll-timeout', '0'],
      { fetch },
    )
    expect(err).toMatch(/`pollTimeout` must be longer than 0/)
    expect(code).toBe(2)
  })

  it.each(['--port', '--listen'])('names another port where that of %s is taken', async (flag) => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const ports = flag === '--port' ? ['--port', `${port}`] : ['--port', '0', '--listen', `127.0.0.1:${port}`]
    const around = { fetch: proxy().fetch, runtime: systemRuntime() }
    const ran = await kedge(['serve', '--open', '--transport', 'fetch', ...ports], around)
    expect(ran.err).toBe(
      flag === '--port'
        ? `kedge: port ${port} is taken (another kedge serve?): --port ${port + 1}\n`
        : `kedge: port ${port} is taken (another service?): --listen 127.0.0.1:${port + 1}\n`,
    )
    expect(ran.code).toBe(1)
  })

  it('says that it is open, and answers on the loopback to no name but that of this machine', async () => {
    const stop = new AbortController()
    const statuses: Promise<number>[] = []
    const args = ['--port', '0', '--open', '--transport', 'fetch']
    const { code, err } = await kedge(['serve', ...args], {
      fetch: proxy().fetch,
      stop: stop.signal,
      runtime: systemRuntime(),
      onOut: (text) => {
        const port = Number(/listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? 0)
        if (port === 0) return
        // `fetch` lets no program choose the `Host`.
        for (const host of ['localhost', `127.0.0.1:${port}`, 'evil.example'])
          statuses.push(statusOf({ port, path: '/healthz', headers: { host } }))
        void Promise.all(statuses).then(() => stop.abort())
      },
    })
    expect(await Promise.all(statuses)).toEqual([200, 200, 421])
    expect(err).toMatch(/kedge serve: open: everybody who reaches http:\S+ may read, write and evict\n/)
    expect(code).toBe(0)
  })

  it('serves TLS with a certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-cli-tls-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const { cert, key, ca } = await selfSigned(folder, 'serve')
    const stop = new AbortController()
    let status: number | undefined
    const args = [
      '--port',
      '0',
      '--open',
      '--transport',
      'fetch',
      '--certificate',
      cert,
      '--certificate-key',
      key,
    ]
    const { code } = await kedge(['serve', ...args], {
      fetch: proxy().fetch,
      stop: stop.signal,
      runtime: systemRuntime(),
      onOut: (text) => {
        const port = Number(/listening on https:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? 0)
        if (port === 0) return
        getOverTls({ port, path: '/healthz', ca }, (got) => {
          status = got.statusCode
          got.resume()
          stop.abort()
        })
      },
    })
    expect([code, status]).toEqual([0, 200])
    const half = await kedge(['serve', '--open', '--transport', 'fetch', '--certificate', cert], {
      fetch: proxy().fetch,
    })
    expect([half.code, half.err]).toEqual([2, expect.stringContaining('--certificate-key go together')])
  })

  it('takes no origin without a scheme', async () => {
    const around = { fetch: proxy().fetch }
    const args = ['--open', '--transport', 'fetch', '--origin', 'localhost:3000', '--namespaces', 'users']
    const { code, err } = await kedge(['serve', '--port', '0', ...args], around)
    expect(err).toBe(
      'kedge: --origin must begin with http:// or https://: did you mean http://localhost:3000?\n',
    )
    expect(code).toBe(2)
  })
})
