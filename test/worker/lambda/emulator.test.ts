import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { gateway as gatewayLog } from '../../../adapters/kafka/gateway.ts'
import { startGateway } from '../../../services/gateway/index.ts'
import { createCache } from '../../../src/index.ts'
import type { LambdaAnswer } from '../../../worker/lambda.ts'
import { emulator, runtimeClient, withoutEmulator } from './emulator.ts'
import { bundleHandlers, startFunction } from './function.ts'
import { alb, albMultiple, v1, v2 } from './http-events.ts'
import { msk, selfManaged } from './kafka-events.ts'

/** For a log that is to be away, so that no call waits for it long. */
const IMPATIENT = { POLL_TIMEOUT: '300ms' }

interface Seen {
  readonly pid: number
  readonly clocks: readonly [wall: number, monotonic: number]
  readonly peeked: string | null
  readonly got: string | null
  readonly held: string | null
  readonly pollsBefore: number
  readonly polls: number
}

describe.skipIf(withoutEmulator())(
  "In Lambda's runtime interface emulator, with its runtime interface client for Node (aws-lambda-ric)",
  () => {
    let folder: string

    beforeAll(async () => {
      await Promise.all([emulator(), runtimeClient()])
      folder = await bundleHandlers()
    }, 600_000)

    afterAll(async () => {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    async function start(
      handler: string,
      { env = {}, timeoutS = 10 }: { env?: Record<string, string>; timeoutS?: number } = {},
    ) {
      const gateway = await startGateway()
      onTestFinished(() => gateway.close())
      const given = { KAFKA_REST_URL: gateway.url, ...env }
      return { gateway, ...(await startFunction({ folder, handler, env: given, timeoutS })) }
    }

    it.each([
      ['API Gateway, payload 2.0', v2],
      ['API Gateway, payload 1.0', v1],
      ['a load balancer', alb],
      ['a load balancer with multi-value headers', albMultiple],
    ])('the app answers %s: a value that is put is got, by its token', async (_, event) => {
      const { gateway, invoke } = await start('http')
      const path = '/cache/users/a%2Fb'
      const headers = { 'content-type': 'application/json' }
      const put = event({
        method: 'PUT',
        path,
        headers,
        body: btoa('{"value":{"name":"Ada"}}'),
        base64: true,
      })
      expect(await invoke<LambdaAnswer>(put)).toMatchObject({ statusCode: 200 })
      const got = await invoke<LambdaAnswer>(event({ path, headers: { 'kedge-token': 'k1.0-1' } }))
      expect(got.statusCode).toBe(200)
      expect(JSON.parse(got.body)).toMatchObject({ key: 'a/b', value: { name: 'Ada' } })
      const other = createCache({ kafka: gatewayLog({ url: gateway.url }) })
      await other.namespace('users').delete('a/b')
      const gone = await invoke<LambdaAnswer>(event({ path, headers: { 'kedge-token': 'k1.0-2' } }))
      expect(gone.statusCode).toBe(404)
    })

    it('what is no HTTP event is answered with 400, and the process lives on', async () => {
      const { invoke } = await start('http')
      for (const event of [null, [], 'x', { Records: [] }])
        expect(await invoke<LambdaAnswer>(event)).toMatchObject({ statusCode: 400 })
      expect(await invoke<LambdaAnswer>(v2({ path: '/healthz' }))).toMatchObject({ statusCode: 200 })
    })

    it.each([
      ['Amazon MSK', msk],
      ["a cluster of one's own", selfManaged],
    ])(
      'events of %s are written to the store, and a poison record holds up no other record',
      async (_, event) => {
        const { invoke } = await start('kafkaEvents')
        const put = (key: string, asOf: number) => ({
          v: 1,
          op: 'put',
          ns: 'users',
          key,
          value: key,
          ttl: 1e12,
          at: 1.7e12,
          asOf,
        })
        const answer = await invoke(
          event(
            'cache-updates',
            { offset: 0, key: 'users/7', value: put('7', 0) },
            { offset: 1, key: 'users/8', over: { value: '%' } },
            { offset: 2, partition: 3, key: 'users/9', value: put('9', 1) },
          ),
        )
        expect(answer).toEqual({ batchItemFailures: [] })
        expect(await invoke({ order: 'look' })).toMatchObject({
          values: { 'users:7': '"7"', 'users:9': '"9"' },
          stats: { records: 2, poison: 1, failed: 0 },
          told: [{ type: 'poison', partition: 'cache-updates-0', offset: 1 }],
        })
      },
    )

    it('records that the store does not take are named, and taken when they come again', async () => {
      const { invoke } = await start('kafkaEvents')
      const event = msk('cache-updates', {
        offset: 4,
        key: 'k',
        value: { v: 1, op: 'del', ns: 'users', key: '7', asOf: 0 },
      })
      await invoke({ order: 'lose' })
      expect(await invoke(event)).toEqual({
        batchItemFailures: [{ itemIdentifier: { partition: 'cache-updates-0', offset: 4 } }],
      })
      await invoke({ order: 'find' })
      expect(await invoke(event)).toEqual({ batchItemFailures: [] })
    })

    it('requests are loaded, and answered in the updates', async () => {
      const { gateway, invoke } = await start('kafkaEvents')
      const ask = { v: 1, op: 'load', ns: 'users', key: '7', deadline: Date.now() + 60_000, end: 0, asOf: 0 }
      expect(await invoke(msk('cache-requests', { offset: 0, value: ask }))).toEqual({
        batchItemFailures: [],
      })
      const options = { maxBytes: 1e6, isolation: 'committed' } as const
      const { records } = gateway.log.read('cache-updates', { partition: 0, offset: 0 }, options)!
      expect(
        records.map(({ value }) => JSON.parse(new TextDecoder().decode(value!)) as unknown),
      ).toMatchObject([{ op: 'put', ns: 'users', key: '7', value: 'user 7' }])
    })

    it.each([false, true])(
      'what is deferred is done before the answer, failure of the handler: %s',
      async (fail) => {
        let rung = 0
        const bell: Server = createServer((_, response) => {
          rung++
          response.end()
        }).listen(0, '127.0.0.1')
        await once(bell, 'listening')
        onTestFinished(() => void bell.close())
        const address = bell.address()
        const port = typeof address === 'object' && address ? address.port : 0
        const { invoke } = await start('ring', { env: { BELL: `http://127.0.0.1:${port}/` } })
        const answer = await invoke(fail ? { defer: 200, fail } : { defer: 200 })
        expect(rung).toBe(1)
        expect(answer).toMatchObject(fail ? { errorType: 'TypeError', errorMessage: 'broken' } : {})
      },
    )

    it('a log that does not answer does not take the process with it', async () => {
      const { gateway, invoke } = await start('own', { timeoutS: 3, env: IMPATIENT })
      const before = await invoke<Seen>({ prove: true, load: 'Ada' })
      await gateway.pause()
      const during = await invoke<Seen>({ get: true })
      await gateway.resume()
      const after = await invoke<Seen>({ prove: true })
      expect([during.pid, after.pid]).toEqual([before.pid, before.pid])
      expect(after.held).toBe('Ada')
    })

    it('a handler of middy finds the cache on its context', async () => {
      const { invoke } = await start('wrapped')
      expect(await invoke<Seen>({ prove: true, load: 'Ada' })).toMatchObject({ peeked: null, held: 'Ada' })
    })

    it('a handler that streams finds it too', async () => {
      const { invoke } = await start('streamed')
      expect(await invoke<string>({ prove: true, load: 'Ada' })).toMatch(/^as a stream: .*"held":"Ada"/)
    })

    describe('Frozen (SIGSTOP) between two invocations for longer than maxStaleness', () => {
      /** Stops the function's own process for so long, by the clock of the test; it must be real time. */
      async function freeze(pid: number, ms: number, meanwhile: () => Promise<unknown>): Promise<void> {
        process.kill(pid, 'SIGSTOP')
        try {
          await Promise.all([sleep(ms), meanwhile()])
        } finally {
          process.kill(pid, 'SIGCONT')
        }
      }
      const nothing = async () => undefined

      it.each(['both', 'wall', 'monotonic'])(
        'a value that was proved before is not served without a poll (clocks that count: %s)',
        async (clocks) => {
          const { gateway, invoke } = await start('own', { env: { CLOCKS: clocks } })
          const before = await invoke<Seen>({ prove: true, load: 'old' })
          expect(before.held).toBe('old')
          const other = createCache({ kafka: gatewayLog({ url: gateway.url }) })
          await freeze(before.pid, 1100, () => other.namespace('users').delete('7'))
          const after = await invoke<Seen>({ get: true })
          expect(after.pid).toBe(before.pid)
          expect([after.peeked, after.got]).toEqual([null, null])
          expect(after.polls).toBeGreaterThan(after.pollsBefore)
        },
      )

      it('a value without an eviction is served again once a poll has proved it', async () => {
        const { invoke } = await start('own')
        const before = await invoke<Seen>({ prove: true, load: 'old' })
        await freeze(before.pid, 1100, nothing)
        const after = await invoke<Seen>({ get: true })
        expect([after.pid, after.peeked, after.got]).toEqual([before.pid, null, 'old'])
        expect(after.polls).toBeGreaterThan(after.pollsBefore)
      })

      it('and with the log out of reach after it, the value is not served at all', async () => {
        const { gateway, invoke } = await start('own', { env: IMPATIENT })
        const before = await invoke<Seen>({ prove: true, load: 'old' })
        await freeze(before.pid, 1100, () => gateway.pause())
        const after = await invoke<Seen>({ get: true })
        expect([after.pid, after.peeked, after.got]).toEqual([before.pid, null, 'ERR_UNREACHABLE'])
      })

      it('both clocks of Node count the time', async () => {
        const { invoke } = await start('own')
        const before = await invoke<Seen>({})
        await freeze(before.pid, 1100, nothing)
        const after = await invoke<Seen>({})
        const passed = after.clocks.map((clock, at) => clock - before.clocks[at as 0 | 1])
        expect(Math.min(...passed)).toBeGreaterThanOrEqual(1090)
      })
    })
  },
)
