/** What each command says when its proxy does not take its credentials: which setting carries them. */
import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { memorySink } from '../../src/testing/index.ts'
import { kedge, proxy } from './harness.ts'
import type { Ran } from './harness.ts'

const READER = 'reader-token-reader-token-reader'
const WRONG = 'wrong-token-wrong-token-wrong-tok'

/** Reads the commands' topics, and no others. */
const gateway = () =>
  proxy(
    { autoCreate: true },
    { auth: { credentials: [{ token: READER, roles: ['read'], topics: ['cache-evictions'] }] } },
  )

const MODULE = { 'service.mjs': 'export default { users: async () => new Map() }' }

const COMMANDS: readonly (readonly string[])[] = [
  ['evict', 'users', '--key', '7'],
  ['get', 'users', '7'],
  ['tail', 'updates'],
  ['tail', 'updates', '--follow'],
  ['serve', '--open', '--port', '0', '--transport', 'fetch', '--mode', 'replicate', '--namespaces', 'users'],
  ['loader', '--module', 'service.mjs'],
  ['persister', '--module', 'service.mjs'],
  ['sync', '--topic', 'orders', '--to', 'redis://127.0.0.1:6379', '--key', '{key}'],
]

/** Runs until it has said something on standard error. */
async function ran(args: readonly string[], token?: string): Promise<Ran> {
  const stop = new AbortController()
  const result = await kedge(args, {
    fetch: gateway().fetch,
    files: MODULE,
    env: token === undefined ? {} : { KEDGE_AUTH_TOKEN: token },
    runtime: systemRuntime(),
    stop: stop.signal,
    onErr: (text) => !text.includes('open:') && stop.abort(),
    openStore: async () => ({ sink: memorySink(), tier: undefined, close: async () => undefined }),
  })
  expect(result.out + result.err).not.toMatch(/-token-|\n {4}at /)
  return result
}

describe.each(COMMANDS.map((args) => [args.join(' '), args] as const))('kedge %s', (_, args) => {
  it.each([
    ['no credentials', undefined],
    ['wrong ones', WRONG],
  ])('with %s names the settings that carry them', async (__, token) => {
    const { err } = await ran(args, token)
    expect(err).toMatch(/HTTP 401/)
    expect(err).toContain(
      '; the proxy does not know who asks: set KEDGE_AUTH_TOKEN, or --username with KEDGE_PASSWORD, to what it takes',
    )
  })

  it('with too few rights names who knows which one lacks', async () => {
    const { err } = await ran(args, READER)
    expect(err).toMatch(/HTTP 403/)
    expect(err).toContain('lacks a right there: `kedge doctor` names it')
  })
})

describe('the path of --url', () => {
  it('at which no proxy answers is named', async () => {
    const notFound = () => Promise.resolve(new Response('', { status: 404 }))
    const { code, err } = await kedge(['tail', '--url', 'http://here/v3'], { fetch: notFound })
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(
        '; no proxy that is known answers at that path: see --url (KEDGE_URL), and ask',
      ),
    ])
  })
})
