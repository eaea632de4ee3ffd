/** The gateway, asked by Schemathesis all that its OpenAPI document allows and forbids. */
import process from 'node:process'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import {
  examples,
  installSchemathesis,
  PATIENCE_MS,
  seed,
  tried,
  withoutSchemathesis,
} from './schemathesis.ts'

const TOKEN = 'a-token-that-nobody-guesses'

describe.skipIf(withoutSchemathesis())('The gateway, by Schemathesis', () => {
  beforeAll(installSchemathesis, 600_000)

  it(
    'answers as its OpenAPI document says, whatever it is asked',
    async () => {
      const failures: unknown[] = []
      const gateway = await startGateway({
        upstash: true,
        memory: { topics: { orders: 4, 'cache-evictions': 1 } },
        // A poll may wait as long as its client asks: not here.
        limits: { maxWaitMs: 20 },
        auth: { tokens: [TOKEN] },
        onError: (error) => failures.push(error),
      })
      onTestFinished(() => gateway.close())
      const headers = { authorization: `Bearer ${TOKEN}` }
      const document: unknown = await (await fetch(`${gateway.url}/openapi.json`, { headers })).json()
      const { passed, cases, report } = await tried({
        document,
        url: gateway.url,
        headers,
        config: 'gateway.toml',
        seed: seed(),
        examples: examples(10),
        // The same handlers as under /v3.
        without: '^/kafka/v3',
      })
      process.stdout.write(`${cases} requests to the gateway\n`)
      expect(passed, report).toBe(true)
      expect(cases).toBeGreaterThan(1000)
      expect(failures).toEqual([])
    },
    PATIENCE_MS + 60_000,
  )
})
