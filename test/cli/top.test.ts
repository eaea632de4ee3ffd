/** `kedge top`: what it shows of real processes, on a terminal without a window. */
import { spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startHealth } from '../../cli/health.ts'
import { healthOf, syncMetrics } from '../../cli/metrics/sync-metrics.ts'
import type { Followed } from '../../cli/metrics/sync-metrics.ts'
import { ProcessMetrics } from '../../cli/metrics/process-metrics.ts'
import type { Session } from '../../cli/session.ts'
import type { SyncStats } from '../../services/sync/index.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { append, kedge, proxy } from './harness.ts'
import type { Proxy, Ran, Surroundings } from './harness.ts'
import { VirtualTerminal } from './virtual-terminal.ts'
import { processOf } from './watched.ts'
import type { Process } from './watched.ts'

/** A pattern in which `%` stands for ESC. */
const escapes = (pattern: string): RegExp => new RegExp(pattern.replaceAll('%', '\u001B'), 'g')
/** Of the text; what has no state between two tests. */
const ESC = '\u001B'
const COLOUR = new RegExp(`${ESC}\\[3\\dm`)

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

const sidecar = async (gateway: Proxy = proxy()): Promise<Process> =>
  processOf(['serve', '--port', '0', '--open', '--transport', 'fetch', '--namespaces', 'users'], {
    fetch: gateway.fetch,
  })

/** Of this machine, where nothing listens. */
async function closedPort(): Promise<number> {
  const listening = createServer()
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const { port } = listening.address() as AddressInfo
  await new Promise((resolve) => listening.close(resolve))
  return port
}

/** What serves anything at all. */
async function server(listener: RequestListener): Promise<string> {
  const listening = createServer(listener)
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    listening.close()
    listening.closeAllConnections()
  })
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

const once = (addresses: string[], around: Surroundings = {}): Promise<Ran> =>
  kedge(['top', '--once', ...addresses], { fetch, runtime: systemRuntime(), ...around })

interface Live {
  readonly terminal: VirtualTerminal
  readonly ran: Promise<Ran>
  readonly stop: AbortController
}

function live(addresses: string[], terminal = new VirtualTerminal(80, 24), around: Surroundings = {}): Live {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const ran = kedge(['top', '--interval', '200ms', ...addresses], {
    fetch,
    runtime: systemRuntime(),
    screen: terminal.screen,
    stop: stop.signal,
    ...around,
  })
  return { terminal, ran, stop }
}

const shows = (terminal: VirtualTerminal, text: string | RegExp) =>
  expect.poll(() => terminal.text()).toMatch(text)

/** What a sync serves, of a lag that the test says. */
async function syncing(followed: Partial<Followed>): Promise<string> {
  const stats: SyncStats = {
    records: 1200,
    bytes: 0,
    batches: 3,
    written: 1100,
    superseded: 0,
    folded: 0,
    skipped: 0,
    unusable: 2,
    deadLetters: 2,
    deadLettersLost: 0,
    wipes: 0,
    begins: 1,
    lost: 0,
    grown: 0,
    movedKeys: 0,
    suspectTimes: 0,
    storeFailures: 0,
    logFailures: 0,
    hookFailures: 0,
  }
  const work: Followed = {
    names: { topic: 'orders' },
    group: 'orders-sync',
    lag: () => ({ records: 0, ms: 0, rehydrating: false, partitions: [] }),
    pressure: () => 0,
    notReady: () => [],
    stats: () => stats,
    ...followed,
  }
  const metrics = await ProcessMetrics.of('sync', { version: '1.2.3' } as Session)
  syncMetrics(metrics, work)
  const health = await startHealth('0', { ...healthOf(work), metrics: () => metrics.text() })
  onTestFinished(() => health.close())
  return health.url
}

describe('kedge top --once', () => {
  it('prints what a sidecar does: its proof, its hits, and its partitions', async () => {
    const gateway = proxy()
    const { url, health } = await sidecar(gateway)
    await expect.poll(() => fetch(`${url}/readyz`).then(({ status }) => status)).toBe(200)
    const at = `${url}/cache/users/7`
    const headers = { 'content-type': 'application/json' }
    await fetch(at, { method: 'PUT', headers, body: '{"value":1}' })
    await fetch(at)
    await fetch(at)
    await fetch(`${url}/cache/users/8`)
    const { code, out, err } = await once([health])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(new RegExp(`^● serve ${health}  1\\.2\\.3, up `, 'm'))
    expect(out).toMatch(/freshness {4}proved [\d.]+ m?s ago/)
    expect(out).toMatch(/hit ratio {4}66\.7 %/)
    expect(out).toMatch(/partition {2}position {2}end {2}lag\n +0 +(\d+) +\1 +0\n/)
    expect(out).not.toContain('\u001B')
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  it('prints what a gateway does: pollers, its tail, what it has refused', async () => {
    const { url, health } = await processOf(['gateway', '--port', '0', '--token', 't0ken'])
    await fetch(`${url}/topics`)
    await fetch(`${url}/topics`, { headers: { authorization: 'Bearer t0ken' } })
    const { code, out } = await once([health.replace('http://127.0.0.1:', '')])
    expect(code).toBe(0)
    expect(out).toMatch(/^● gateway http:\/\/127\.0\.0\.1:\d+ {2}1\.2\.3/m)
    expect(out).toMatch(/pollers {6}0 wait/)
    expect(out).toMatch(/requests {5}2/)
    expect(out).toMatch(/credentials {2}1 missing/)
  })

  it('prints how far a store is on its way, and its dead letters', async () => {
    const address = await syncing({
      lag: () => ({
        records: 750,
        ms: Infinity,
        rehydrating: true,
        partitions: [
          { partition: 0, position: 200, end: 500 },
          { partition: 1, position: 50, end: 500 },
        ],
      }),
      notReady: () => ['rehydrating'],
    })
    const { code, out } = await once([address])
    expect(code).toBe(0)
    expect(out).toMatch(/not ready: rehydrating/)
    expect(out).toMatch(/█{10}░{30} 25 % of 1,000 offsets/)
    expect(out).toMatch(/dead letters 2/)
    expect(out).toMatch(/1 +50 +500 +450\n +0 +200 +500 +300/)
  })

  it('says which process does not answer, shows the others, and ends with 1', async () => {
    const address = await syncing({})
    const closed = await closedPort()
    const { code, out, err } = await once([`127.0.0.1:${closed}`, address])
    expect([code, err]).toEqual([1, ''])
    expect(out).toMatch(
      /^● kedge http:\/\/127\.0\.0\.1:\d+\n {2}does not answer: nothing listens there: it has ended, or has another --listen/,
    )
    expect(out).toContain(`● sync ${address}`)
  })

  it('says that a process waits for its log', async () => {
    const { health } = await waitingSidecar()
    const { code, out } = await once([health])
    expect(code).toBe(0)
    expect(out).toMatch(/not ready: it waits for the log/)
  })

  it.each([
    [[], /missing required argument 'addresses'/],
    [['ftp://x'], /top takes the address of a process/],
    [['http://ann:hunter2@x:1'], /top takes the address of a process/],
    [['99999'], /top takes the address of a process/],
    [Array.from({ length: 21 }, () => '1'), /20 addresses at most/],
    [['9100', '--interval', '10ms'], /--interval must be at least 200ms/],
  ])('refuses %j', async (args, says) => {
    const { code, err } = await once(args)
    expect(code).toBe(2)
    expect(err).toMatch(says)
    expect(err).not.toContain('hunter2')
  })

  it('moves no cursor and takes no memory for what a stranger serves', async () => {
    const evil = '\\u001b[2J\\u009b2J\\u202e漢字'
    const address = await server((request, response): void => {
      if (request.url === '/readyz') {
        response.writeHead(503).end(`{"problem":"${evil}"}`)
        return
      }
      if (request.url === '/lag') {
        response.end('{"partitions":[{"partition":"x"}]}')
        return
      }
      response.write(
        `kedge_build_info{command="serve\u001B[2J",version="\u009B1\\n"} 1\nkedge_x 1e999\nkedge_y{a="`,
      )
      response.end('b'.repeat(100_000))
    })
    const { code, out } = await once([address])
    expect(code).toBe(0)
    expect(out).toMatch(/^● serve\?\[2J http/)
    expect(out).toMatch(/not ready: \?\[2J\?2J\?\?\?/)
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  type Answer = (response: ServerResponse) => void
  const withoutEnd: Answer = (response) => {
    const more = (): void => void response.write('x'.repeat(1_000_000), more)
    more()
  }
  const never: Answer = () => {}
  it.each<[string, Answer, RegExp]>([
    ['answers without end', withoutEnd, /more than \d+ bytes/],
    ['answers never', never, /no answer within 2 s/],
  ])('does without a server that %s', async (_, answer, says) => {
    const address = await server((_request, response) => answer(response))
    const { code, out } = await once([address])
    expect(code).toBe(1)
    expect(out).toMatch(says)
  })
})

it('goes to no other address that a process names', async () => {
  const other = await syncing({})
  const address = await server((request, response) => {
    response.writeHead(302, { location: `${other}${request.url}` }).end()
  })
  const { code, out } = await once([address])
  expect(code).toBe(1)
  expect(out).toContain('does not answer')
})

/** A sidecar whose proxy is away. */
async function waitingSidecar(): Promise<{ health: string }> {
  const stop = new AbortController()
  const health = await new Promise<string>((resolve) => {
    const ran = kedge(
      ['serve', '--open', '--port', '0', '--transport', 'fetch', '--listen', '0', '--log-format', 'json'],
      {
        runtime: systemRuntime(),
        fetch: async () => {
          throw new TypeError('fetch failed')
        },
        stop: stop.signal,
        onOut: (text) => resolve((JSON.parse(text) as { url: string }).url),
      },
    )
    onTestFinished(async () => {
      stop.abort()
      await ran
    })
  })
  return { health }
}

describe('kedge top on a terminal', () => {
  it('draws on the other screen, again and again, and gives the terminal back at q', async () => {
    const gateway = proxy()
    const { url, health } = await sidecar(gateway)
    const terminal = new VirtualTerminal(80, 24)
    await terminal.feed('$ kedge top\r\n')
    const { ran } = live([health], terminal)
    await shows(terminal, /freshness {4}proved/)
    expect(await terminal.isAlternate()).toBe(true)
    expect((await terminal.rows())[0]).toMatch(
      /^kedge top {2}1 process, 1 ready {2}\d\d:\d\d:\d\d UTC +q quits, ↑↓ scroll$/,
    )
    for (let n = 0; n < 5; n++) append(gateway.log, 'cache-evictions', { v: 1, op: 'clear', ns: 'users' })
    await shows(terminal, /evictions {4}5, [\d.]+\/s/)
    await fetch(`${url}/cache/users/7`)
    await shows(terminal, /requests {5}1, /)
    terminal.press('q')
    expect(await ran).toEqual({ code: 0, out: '', err: '' })
    expect(await terminal.isAlternate()).toBe(false)
    expect((await terminal.rows())[0]).toBe('$ kedge top')
    expect(terminal.written).toMatch(escapes('%\\[[?]25h%\\[0m%\\[[?]1049l$'))
    expect(terminal.listeners).toBe(0)
  })

  it.each([
    ['Ctrl-C', (to: Live) => to.terminal.press('\u0003')],
    ['Ctrl-D', (to: Live) => to.terminal.press('\u0004')],
    ['a keyboard that is gone', (to: Live) => to.terminal.press(undefined)],
    ['a signal', (to: Live) => to.stop.abort()],
    ['a key behind others', (to: Live) => to.terminal.press('jj\u001B[Bq')],
  ])('gives the terminal back at %s, also while a process does not answer', async (_, end) => {
    const silent = await server(() => {})
    const to = live([silent])
    await shows(to.terminal, 'kedge top')
    const began = performance.now()
    end(to)
    expect((await to.ran).code).toBe(0)
    expect(performance.now() - began).toBeLessThan(1500)
    expect(await to.terminal.isAlternate()).toBe(false)
    expect(to.terminal.listeners).toBe(0)
  })

  it('gives the terminal back where the process ends otherwise', async () => {
    const { terminal } = live([await syncing({})])
    await shows(terminal, 'store')
    terminal.exit()
    expect(await terminal.isAlternate()).toBe(false)
  })

  it('says that a process has stopped to answer, and that it is back', async () => {
    let isAway = false
    const of = await syncing({})
    const through: typeof fetch = (input, init) =>
      isAway ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init)
    const { terminal, ran } = live([of], new VirtualTerminal(80, 24), { fetch: through })
    await shows(terminal, '1 ready')
    isAway = true
    await shows(terminal, 'does not answer')
    await shows(terminal, '0 ready')
    expect(await terminal.text()).not.toContain('pressure')
    isAway = false
    await shows(terminal, '1 ready')
    await shows(terminal, 'pressure')
    terminal.press('q')
    await ran
  })

  it.each([
    [30, 8],
    [60, 20],
    [80, 24],
    [120, 30],
    [200, 60],
  ])('fits %i columns and %i rows', async (columns, rows) => {
    const partitions = Array.from({ length: 40 }, (_, partition) => ({
      partition,
      position: 1e6,
      end: 1e6 + partition,
    }))
    const lag = () => ({ records: 780, ms: 5000, rehydrating: false, partitions })
    const terminal = new VirtualTerminal(columns, rows)
    const { ran } = live([await syncing({ lag }), '127.0.0.1:1'], terminal)
    await shows(terminal, 'store')
    const shown = await terminal.rows()
    expect(shown).toHaveLength(rows)
    expect(shown[0]).toMatch(/^kedge top/)
    // What is drawn of a row is no longer than it: nothing is cut by the terminal.
    const drawn = terminal.written.split(escapes('%\\[\\d+;1H')).slice(1)
    for (const text of drawn)
      expect(text.replaceAll(escapes('%\\[[?\\d;]*[A-Za-z]'), '').length).toBeLessThanOrEqual(columns)
    terminal.press('G')
    await shows(terminal, 'does not answer')
    terminal.press('g')
    await shows(terminal, 'store')
    terminal.press('q')
    await ran
  })

  it('draws anew for another size', async () => {
    const { terminal, ran } = live([await syncing({})], new VirtualTerminal(120, 30))
    await shows(terminal, 'q quits')
    terminal.resize(40, 10)
    await shows(terminal, /^kedge top {2}1 process, 1 ready/)
    expect((await terminal.rows()).every((row) => row.length <= 40)).toBe(true)
    terminal.resize(120, 30)
    await shows(terminal, 'q quits')
    terminal.press('q')
    await ran
  })

  it('writes only what has changed, each time at once', async () => {
    const { terminal, ran } = live([await syncing({})])
    await shows(terminal, 'store')
    const before = terminal.written.length
    const writes = terminal.writes
    await expect.poll(() => terminal.writes - writes).toBeGreaterThan(3)
    terminal.press('q')
    await ran
    const frames = terminal.written.slice(before).split('\u001B[?2026l').slice(0, -1)
    for (const frame of frames) {
      expect(frame).toContain('\u001B[?2026h')
      expect(frame).not.toContain('\u001B[2J')
      expect(frame).not.toContain('dead letters')
    }
  })

  it('has colours where the terminal shows them, and none elsewhere', async () => {
    const address = await syncing({})
    for (const colours of [true, false]) {
      const { terminal, ran } = live([address], new VirtualTerminal(80, 24), { colours })
      await shows(terminal, 'store')
      terminal.press('q')
      await ran
      expect(COLOUR.test(terminal.written)).toBe(colours)
    }
  })

  it('forgets what is long ago', async () => {
    const { WatchedProcess } = await import('../../cli/top/watched-process.ts')
    const process = new WatchedProcess('http://x')
    for (let n = 0; n < 10_000; n++) process.note('hits', n)
    expect(process.history('hits')).toHaveLength(120)
    expect(process.history('hits').at(-1)).toBe(9999)
  })
})

const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

describe.skipIf(!hasScript)('the process of kedge top in a real terminal', () => {
  /** Through `script` of util-linux, which gives it a pseudo terminal. */
  async function inTerminal(address: string, env: Record<string, string> = {}) {
    const node = [process.execPath, MAIN, 'top', '--interval', '200ms', address].join(' ')
    const command = `stty cols 90 rows 20; sh -c 'echo pid $$; exec ${node}'; echo "code $?"; stty -a`
    const child = spawn('script', ['-qfec', command, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'xterm-256color', ...env },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const terminal = new VirtualTerminal(90, 20)
    let written = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      written += text
      void terminal.feed(text)
    })
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
    return { child, terminal, ended, written: () => written }
  }

  it.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])('draws, takes keys, and gives the terminal back at %s', async (_, key) => {
    const { child, terminal, ended, written } = await inTerminal(await syncing({}))
    await shows(terminal, 'dead letters')
    expect(await terminal.isAlternate()).toBe(true)
    expect(written()).toMatch(COLOUR)
    child.stdin.write(key)
    await ended
    expect(await terminal.isAlternate()).toBe(false)
    expect(written()).toContain('code 0')
    // Lines, echo and signals by keys are as they were.
    expect(written()).toMatch(/[^-]icanon[^]*[^-]echo /)
    expect(written()).toMatch(/[^-]isig/)
  })

  it('gives it back at SIGTERM, and has no colours with NO_COLOR', async () => {
    const address = await syncing({})
    const { terminal, ended, written } = await inTerminal(address, { NO_COLOR: '1' })
    await shows(terminal, 'dead letters')
    process.kill(Number(/pid (\d+)/.exec(written())![1]), 'SIGTERM')
    await ended
    expect(await terminal.isAlternate()).toBe(false)
    expect(written()).toContain('code 0')
    expect(written()).not.toMatch(COLOUR)
  })
})

describe('kedge top where the output is no terminal', () => {
  it('prints once', async () => {
    const address = await syncing({})
    const { code, out } = await kedge(['top', address], { fetch, runtime: systemRuntime() })
    expect(code).toBe(0)
    expect(out).toContain('● sync')
  })
})
