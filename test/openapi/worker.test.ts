/** The worker, asked by Schemathesis all that its OpenAPI document allows and forbids. */
import process from 'node:process'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createCache } from '../../src/index.ts'
import { replicate } from '../../src/replicate/index.ts'
import { memory } from '../../src/testing/index.ts'
import { bearerAuth, createApp } from '../../worker/index.ts'
import { serve } from '../../worker/node.ts'
import { startWorld } from '../worker/miniflare-world.ts'
import {
  examples,
  installSchemathesis,
  PATIENCE_MS,
  seed,
  tried,
  withoutSchemathesis,
} from './schemathesis.ts'
import type { Outcome } from './schemathesis.ts'

const TOKEN = 'a-token-that-nobody-guesses'

async function triedAt(
  url: string,
  config: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const document: unknown = await (await fetch(`${url}/openapi.json`, { headers })).json()
  // Their `Allow` names PUT and DELETE as well, which are those of a key of that name. Their tests: test/worker/bulk.
  const without = '/(events|dump)$'
  const trial = { document, url, headers, config, seed: seed(), examples: examples(20), without }
  return tried(trial)
}

function mustPass({ passed, cases, report }: Outcome, where: string): void {
  process.stdout.write(`${cases} requests to the worker ${where}\n`)
  expect(passed, report).toBe(true)
  expect(cases).toBeGreaterThan(200)
}

describe.skipIf(withoutSchemathesis())('The worker, by Schemathesis', () => {
  beforeAll(installSchemathesis, 600_000)

  it(
    'answers as its OpenAPI document says in Node, without an origin and with tokens',
    async () => {
      const failures: unknown[] = []
      const cache = createCache({ kafka: memory(), use: [replicate()] })
      const tokens = [TOKEN]
      const app = createApp({
        cache,
        auth: bearerAuth({ read: tokens, write: tokens, evict: tokens }),
        namespaces: ['rows', 'users'],
        onError: (error) => failures.push(error),
      })
      const server = await serve({ app, cache, port: 0 })
      onTestFinished(() => server.close())
      mustPass(await triedAt(server.url, 'worker.toml', { authorization: `Bearer ${TOKEN}` }), 'in Node')
      expect(failures).toEqual([])
    },
    PATIENCE_MS + 60_000,
  )

  it(
    'answers as its OpenAPI document says in workerd, before an origin',
    async () => {
      const world = await startWorld({ a: 1, b: { name: 'b' } })
      onTestFinished(() => world.close())
      const { url } = await world.isolate({ bindings: { NAMESPACES: 'rows,users' } })
      mustPass(await triedAt(url, 'worker-with-origin.toml'), 'in workerd')
    },
    PATIENCE_MS + 60_000,
  )
})
