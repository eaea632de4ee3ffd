/** The examples of servers, each in the runtime that it is for, against a gateway in a process of its own. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { gateway as gatewayLog } from '../../../adapters/kafka/gateway.ts'
import { createCache } from '../../../src/index.ts'
import { bundled } from './bundle.ts'
import { gateway, INSTALLED, run } from './program.ts'

const EXAMPLES = { Node: 'node', Deno: 'deno', Bun: 'bun' } as const

const example = (name: string) => bundled(new URL(`../../../examples/servers/${name}.ts`, import.meta.url))

/** A cache of this process: another one than that of the server. */
function elsewhere(url: string) {
  const cache = createCache({ kafka: gatewayLog({ url }) })
  onTestFinished(() => cache.close())
  return cache.namespace('airports')
}

/** Asks until the answer is the expected one: an eviction needs time to arrive. */
async function until(address: string, status: number): Promise<void> {
  for (;;) {
    const response = await fetch(address)
    await response.text()
    if (response.status === status) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe.each(INSTALLED)('the server in %s', (runtime) => {
  it('keeps values, drops what is evicted elsewhere, and ends cleanly when it is asked to', async () => {
    const url = await gateway()
    const { child, ended, says } = await run(runtime, await example(EXAMPLES[runtime]), {
      KAFKA_REST_URL: url,
      PORT: '0',
    })
    const server = (await says(/listening on (http:\S+)/))[1]!
    const address = `${server}/cache/airports/BER`
    await until(`${server}/readyz`, 200)

    expect((await fetch(address)).status).toBe(404)
    const body = JSON.stringify({ value: { name: 'Berlin' } })
    const put = await fetch(address, { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
    expect([put.status, put.headers.get('kedge-token')]).toEqual([200, expect.stringMatching(/^k1\.0-1~/)])
    const got = await fetch(address)
    expect(await got.json()).toMatchObject({ value: { name: 'Berlin' } })
    expect(got.headers.get('cache-status')).toContain('hit')
    expect((await fetch(address, { method: 'DELETE' })).status).toBe(200)
    expect((await fetch(address)).status).toBe(404)

    expect(
      (await fetch(address, { method: 'PUT', body, headers: { 'content-type': 'application/json' } })).ok,
    ).toBe(true)
    await elsewhere(url).delete('BER')
    await until(address, 404)

    // A read that waits for an eviction which never comes is under way when the server gets SIGTERM.
    const reading = fetch(address, { headers: { 'kedge-token': 'k1.0-1000' } })
    await fetch(`${server}/healthz`)
    child.kill('SIGTERM')
    expect((await reading).status).toBeGreaterThanOrEqual(200)
    const { code, err } = await ended
    expect({ code, err }).toEqual({ code: 0, err: '' })
  })
})
