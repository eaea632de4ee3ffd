import { afterEach, describe, expect, it } from 'vitest'
import { BINARY, V2 } from '../harness.ts'
import { attacked, requestText, Unreading } from './gateway.ts'
import type { Attacked } from './gateway.ts'

/** What answers that their clients do not read may cost, in MiB. */
const MOST_MIB = 100
const CLIENTS = 100
/** A busy machine lets garbage lie for longer: the least of so many rounds counts. */
const ROUNDS = 3
/** Clients that ask together. */
const AT_ONCE = 10

let gateway: Attacked | undefined
const clients: Unreading[] = []
afterEach(end)
async function end(): Promise<void> {
  for (const { socket } of clients.splice(0)) socket.destroy()
  await gateway?.stop()
  gateway = undefined
}

/** Attacks one gateway after the other, until one has needed less than the most: what each has needed, in MiB. */
async function needed(attack: (one: Attacked) => Promise<void>): Promise<number[]> {
  const all: number[] = []
  while (all.length < ROUNDS && !all.some((mib) => mib < MOST_MIB)) {
    await end()
    gateway = await attacked()
    await attack(gateway)
    const { peak } = gateway.resident()
    all.push(peak - before)
  }
  return all
}
let before = 0
/** What is needed is counted from here on. */
function countsFromNow(one: Attacked): void {
  one.forgetPeak()
  before = one.resident().now
}

const REDPANDA = '/topics/large/partitions/0/records?offset=0&timeout=0&max_bytes=8388608'
const redpanda = () => requestText('GET', REDPANDA, { accept: BINARY })
const upstash = () =>
  requestText(
    'POST',
    '/fetch',
    { 'content-type': 'application/json' },
    JSON.stringify({ topic: 'large', partition: 0, offset: 0, timeout: 0 }),
  )

async function consumer(url: string, name: string): Promise<string> {
  const post = (path: string, body: unknown) =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': V2 }, body: JSON.stringify(body) })
  await post('/consumers/g', { name, 'auto.offset.reset': 'earliest' })
  await post(`/consumers/g/instances/${name}/assignments`, { partitions: [{ topic: 'large', partition: 0 }] })
  return requestText('GET', `/consumers/g/instances/${name}/records?timeout=1&max_bytes=8388608`, {
    accept: BINARY,
  })
}

const routes: Record<string, (url: string, at: number) => string | Promise<string>> = {
  "Redpanda's": redpanda,
  "Upstash's": upstash,
  "a v2 consumer's": (url, at) => consumer(url, `c${at}`),
}

describe('answers that their clients do not read', () => {
  it.each(Object.entries(routes))(
    `of %s reads cost no more than ${MOST_MIB} MiB for ${CLIENTS} clients: most of them are refused`,
    async (_, text) => {
      const all = await needed(async (attackedOne) => {
        const texts: string[] = []
        for (let at = 0; at < CLIENTS; at++) texts.push(await text(attackedOne.url, at))
        countsFromNow(attackedOne)
        const statuses: number[] = []
        for (let at = 0; at < CLIENTS; at += AT_ONCE) {
          const some = texts.slice(at, at + AT_ONCE).map((one) => new Unreading(attackedOne.port, one))
          clients.push(...some)
          statuses.push(...(await Promise.all(some.map(({ status }) => status))))
        }
        const count = (status: number) => statuses.filter((one) => one === status).length
        expect(count(200)).toBeGreaterThan(0)
        expect(count(200) + count(429)).toBe(CLIENTS)
      })
      expect(Math.min(...all), all.join(', ')).toBeLessThan(MOST_MIB)
      // A client that asks for little is still answered.
      const small = '/topics/large/partitions/0/records?offset=14&timeout=0&max_bytes=1000'
      expect((await fetch(gateway!.url + small, { headers: { accept: BINARY } })).status).toBe(200)
    },
  )

  it.each([
    ["Redpanda's", redpanda],
    ["Upstash's", upstash],
  ])('of %s reads cost one connection one answer, however many it asks for at once', async (_, text) => {
    const all = await needed(async (one) => {
      countsFromNow(one)
      const client = new Unreading(one.port, text().repeat(200))
      clients.push(client)
      expect(await client.status).toBe(200)
      // What was sent with it has been read by then, since another one is answered.
      for (let i = 0; i < 20; i++) expect((await fetch(`${one.url}/healthz`)).status).toBe(200)
      const { cpuMs } = await one.used()
      for (let i = 0; i < 20; i++) expect((await fetch(`${one.url}/healthz`)).status).toBe(200)
      expect((await one.used()).cpuMs - cpuMs).toBeLessThan(1000)
    })
    expect(Math.min(...all), all.join(', ')).toBeLessThan(MOST_MIB)
  })
})
