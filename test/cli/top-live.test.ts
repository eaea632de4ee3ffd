/** `kedge top --live`: single evictions as they come, from the live page of a process. */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { KnownBrokers } from '../../cli/known-brokers.ts'
import { gatewayMetrics } from '../../cli/metrics/gateway-metrics.ts'
import { ProcessMetrics } from '../../cli/metrics/process-metrics.ts'
import type { Session } from '../../cli/session.ts'
import { GatewayCounters } from '../../services/gateway/counters.ts'
import { REFUSAL_REASONS } from '../../services/gateway/refusal.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { kedge } from './harness.ts'
import { VirtualTerminal } from './virtual-terminal.ts'
import { processOf } from './watched.ts'

const TOKEN = 'a-token-of-the-gateway'

const gateway = () => processOf(['gateway', '--port', '0', '--topic', 'cache-evictions', '--token', TOKEN])

/** What serves a live page of its own making. */
async function page(events: (response: ServerResponse) => void): Promise<string> {
  const listening = createServer((request, response) => {
    if (request.url === '/ui/events') events(response)
    else response.end('{}')
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    listening.close()
    listening.closeAllConnections()
  })
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

function top(args: string[], env: Record<string, string> = {}, terminal = new VirtualTerminal(80, 24)) {
  const stop = new AbortController()
  const ran = kedge(['top', '--interval', '200ms', ...args], {
    fetch,
    runtime: systemRuntime(),
    screen: terminal.screen,
    stop: stop.signal,
    env,
  })
  onTestFinished(async () => {
    stop.abort()
    await ran
  })
  return { terminal, ran }
}

const shows = (terminal: VirtualTerminal, text: string | RegExp) =>
  expect.poll(() => terminal.text(), { timeout: 10_000 }).toMatch(text)

const line = (more: object) => ({ at: 0, partition: 0, offset: 7, what: 'keys', names: [], more: 0, ...more })
const sent = (...lines: object[]) => `event: evictions\ndata: ${JSON.stringify({ lines, skipped: 0 })}\n\n`

it('shows evictions beneath the processes, the newest first, as soon as they come', async () => {
  const { url, health } = await gateway()
  const { terminal, ran } = top([health, '--live', url], { KEDGE_TOP_LIVE_CREDENTIAL: TOKEN })
  await shows(terminal, /evictions http:\S+ {2}none yet/)
  const append = (value: object) =>
    fetch(`${url}/topics/cache-evictions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/vnd.kafka.json.v2+json',
      },
      body: JSON.stringify({ records: [{ partition: 0, value }] }),
    })
  await append({ v: 1, op: 'evict', ns: 'users', tags: ['team:7'] })
  await shows(terminal, /as they come\n {2}\d\d:\d\d:\d\d {2}users {2}tag team:7 +0@0\n/)
  await append({ v: 1, op: 'evict', ns: 'users', keys: ['1', '2', '3', '4', '5', '6'] })
  await shows(terminal, /users {2}1, 2, 3, 4 and 2 more +0@1\n.*team:7 +0@0\n/)
  // The processes keep their place.
  expect((await terminal.rows())[1]).toMatch(/^● gateway /)
  terminal.press('q')
  expect(await ran).toEqual({ code: 0, out: '', err: '' })
})

it('says what it lacks where it shows no credential, and shows none of it', async () => {
  const { url, health } = await gateway()
  const { terminal } = top([health, '--live', url])
  await shows(terminal, /evictions http:\S+\n {2}it asks for a credential: give KEDGE_TOP_LIVE_CREDENTIAL/)
  expect(terminal.written).not.toContain(TOKEN)
})

it('connects again to a process that has ended the connection, and shows each eviction once', async () => {
  let connections = 0
  const address = await page((response) => {
    connections++
    response.write(sent(line({ namespace: 'users', names: ['7'] })))
    if (connections === 1) response.end()
  })
  const { terminal } = top([address, '--live', address])
  await shows(terminal, /the process has ended the connection/)
  await shows(terminal, /as they come/)
  expect(connections).toBe(2)
  expect((await terminal.text()).match(/users {2}7/g)).toHaveLength(1)
})

it.each<[string, string, RegExp]>([
  [
    'is not of a live page',
    'event: evictions\ndata: {"lines":[{}],"skipped":0}\n\n',
    /is not of a live page/,
  ],
  ['is no JSON', 'event: evictions\ndata: {\n\n', /evictions http:\S+\n {2}\S/],
  ['has no end', 'x'.repeat(1_100_000), /an event without an end/],
])('takes nothing that %s', async (_, text, says) => {
  const address = await page((response) => response.write(text))
  const { terminal } = top([address, '--live', address])
  await shows(terminal, says)
  expect(await terminal.text()).not.toContain('as they come')
})

it('moves no cursor for what a stranger has written', async () => {
  const address = await page((response) =>
    response.write(sent(line({ namespace: 'u\u001B[2J', names: ['\u009B2J漢'], what: 'tags' }))),
  )
  const { terminal } = top([address, '--live', address])
  await shows(terminal, /u\?\[2J {2}tag \?2J\?/)
})

it('says where else it must ask, at the address of the clients of a process', async () => {
  const { url } = await gateway()
  const { ran } = top(['--once', url])
  const { code, out } = await ran
  expect(code).toBe(1)
  expect(out).toMatch(/does not answer: it asks for a credential there: give the address of its\s+--listen/)
})

it('keeps the name of a process that has ended, and says for how long it is away', async () => {
  const build = 'kedge_build_info{version="1.2.3",command="sync",node="v24"} 1\n'
  const listening = createServer((request, response) =>
    response.end(request.url === '/metrics' ? build : '{}'),
  )
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const { port } = listening.address() as AddressInfo
  const { terminal } = top([String(port)])
  await shows(terminal, /^● sync http:\S+ {2}1\.2\.3\n/m)
  listening.close()
  listening.closeAllConnections()
  await shows(terminal, /does not answer for \d+ ms: nothing listens there/)
  expect((await terminal.rows())[1]).toMatch(/^● sync http:\S+ {2}1\.2\.3$/)
})

it('refuses an address that is none, and quotes no credential of it', async () => {
  const { ran } = top(['9100', '--live', 'http://ann:hunter2@x:1'])
  const { code, err } = await ran
  expect(code).toBe(2)
  expect(err).toContain('--live takes the address of a process with a live page')
  expect(err).not.toContain('hunter2')
})

it('asks for the brokers seldom, and tells no more of them where they do not answer', async () => {
  let [now, asked, away] = [0, 0, false]
  const cluster = {
    brokers: async () => {
      asked++
      if (away) throw new Error('away')
      return [3, 1, 2].map((id) => ({ id, host: 'x', port: 1 }))
    },
  }
  const known = new KnownBrokers(cluster, { monotonic: () => now })
  const counters = new GatewayCounters()
  counters.tails = () => 2
  counters.proofs = () => ({ life: 'x', questions: 9, refused: 1, samples: 4, reads: 0, places: 3 })
  const metrics = await ProcessMetrics.of('gateway', { version: '1.2.3' } as Session)
  gatewayMetrics(metrics, counters, known)
  const text = async () => (await metrics.text()).match(/^kedge_gateway_(?:brokers|tails|proof).*/gm)
  expect(await text()).not.toContain('kedge_gateway_brokers 3')
  expect(await text()).toEqual([
    'kedge_gateway_brokers 3',
    'kedge_gateway_tails 2',
    'kedge_gateway_proof_questions_total 9',
    'kedge_gateway_proof_samples_total 4',
    'kedge_gateway_proofs_refused_total 1',
    'kedge_gateway_proof_places 3',
  ])
  expect([asked, known.ids]).toEqual([1, [1, 2, 3]])
  // Of each reason, although none was refused yet: alerts would not see the first of a series that begins with it.
  const refused = (await metrics.text()).match(/^kedge_gateway_refused_total.*/gm)
  expect(refused).toHaveLength(REFUSAL_REASONS.length)
  expect(refused).toContain('kedge_gateway_refused_total{reason="busy"} 0')
  ;[now, away] = [5000, true]
  void known.ids
  await new Promise((resolve) => setImmediate(resolve))
  expect([asked, known.ids]).toEqual([2, undefined])
})
