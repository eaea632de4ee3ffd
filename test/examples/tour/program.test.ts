import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { TOUR } from '../../../examples/tour/tour.ts'

const program = fileURLToPath(new URL('./fixtures/scripted-demo.ts', import.meta.url))
const steps = TOUR.flatMap((chapter) => chapter.steps).length
const running = new Set<ChildProcess>()

interface Run {
  readonly child: ChildProcess
  /** Resolves when this has been printed. */
  readonly printed: (text: string) => Promise<void>
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>
}

function run(script: string, ...args: string[]): Run {
  const env = { ...process.env, SCRIPT: script, NO_COLOR: '1' }
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const ended = once(child, 'close').then(() => {
    running.delete(child)
    return { code: child.exitCode, signal: child.signalCode, ...output }
  })
  return {
    child,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.stdout.includes(text)) resolve()
        }
        child.stdout.on('data', look)
        void ended.then(({ stderr }) => reject(new Error(`ended before it printed “${text}”: ${stderr}`)))
        look()
      }),
  }
}

function addressIn(screen: string, name: string): string {
  return new RegExp(`${name} +(http://127[.]0[.]0[.]1:\\d+)`).exec(screen)?.[1] ?? ''
}

/** The first of so many ports in a row that were free a moment ago. */
async function freePorts(many: number): Promise<number> {
  for (;;) {
    const [first = 0] = await held(0)
    const row = await Promise.all(Array.from({ length: many }, (_, at) => held(first + at)))
    if (row.every(({ length }) => length === 1)) return first
  }
}

/** The port, held for a moment; none where it is taken. */
async function held(port: number): Promise<number[]> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return [(server.address() as AddressInfo).port]
  } catch {
    return []
  } finally {
    server.close()
  }
}

/** A tab of a browser that is open already: it asks until it is answered, and then listens. */
async function watch(url: string, signal: AbortSignal) {
  const refused = new Set<number>()
  let [page, heard] = [0, '']
  while (!signal.aborted) {
    try {
      if (page === 0) page = (await fetch(`${url}/ui`, { signal })).status
      const events = await fetch(`${url}/ui/events`, { signal })
      if (!events.ok) refused.add(events.status)
      else for await (const text of events.body!.pipeThrough(new TextDecoderStream())) heard += text
    } catch {
      // No server listens yet, or any more.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { page, refused, heard }
}

describe('the program', { timeout: 30_000 }, () => {
  afterEach(() => {
    // Not killed outright, or workerd would be left behind; it ends by itself within seconds.
    for (const child of running) child.kill('SIGTERM')
  })

  it('starts two workers, prints the tour, and on Ctrl-C stops everything and ends with 0', async () => {
    const { child, printed, ended } = run('foretold', '--port', '0')
    await printed('Ctrl-C stops everything')
    child.kill('SIGINT')
    // npm passes on what the terminal has sent to all.
    child.kill('SIGINT')
    const { code, signal, stdout, stderr } = await ended
    expect({ code, signal, stderr }).toStrictEqual({ code: 0, signal: null, stderr: '' })
    const urls = ['worker A', 'worker B', 'origin', 'log \\(Kafka REST\\)'].map((name) =>
      addressIn(stdout, name),
    )
    expect(new Set(urls).size).toBe(4)
    for (const url of urls) await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  it('gives both workers what they need to know, and no more', async () => {
    const { child, printed, ended } = run('foretold', '--port', '0')
    let screen = ''
    child.stdout?.on('data', (text: string) => {
      screen += text
    })
    await printed('Ctrl-C stops everything')
    for (const name of ['worker A', 'worker B']) {
      const response = await fetch(`${addressIn(screen, name)}/cache/airports/KEF`)
      expect(await response.json()).toMatchObject({
        bindings: {
          TTL: '5m',
          MAX_STALENESS: '2s',
          ON_UNREACHABLE: 'stale',
          MAX_OUTAGE: '15s',
          KAFKA_REST_URL: addressIn(screen, 'log \\(Kafka REST\\)'),
          KAFKA_FLAVOR: 'gateway',
          ORIGIN_URL: addressIn(screen, 'origin'),
          ORIGIN_FORMAT: 'envelope',
          NAMESPACES: 'airports',
          AUTH: 'open',
        },
      })
    }
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  it('checks the tour by itself and ends with 0 where all is as foretold', async () => {
    const { code, stdout, stderr } = await run('foretold', '--check', '--port', '0').ended
    expect(stderr).toBe('')
    expect(stdout.match(/^ {2}ok /gm)).toHaveLength(steps)
    expect(stdout).toContain(`${steps} steps: all as foretold.`)
    expect(code).toBe(0)
  })

  it('goes as foretold while a page of it is open that was opened before it began', async () => {
    const first = await freePorts(5)
    const over = new AbortController()
    const tab = watch(`http://127.0.0.1:${first + 4}`, over.signal)
    const { code, stdout, stderr } = await run('foretold', '--check', '--port', String(first)).ended
    over.abort()
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`${steps} steps: all as foretold.`)
    const { page, refused, heard } = await tab
    expect(page).toBe(200)
    expect(refused).toStrictEqual(new Set([503]))
    expect(heard).toContain('event: state\n')
  })

  it('ends with 1 where one step differs, and shows which', async () => {
    const { code, stdout } = await run('differs', '--check', '--port', '0').ended
    expect(stdout).toContain('  DIFF curl -si $A$KEF\n       410 · {')
    expect(stdout).toContain('status is 410, not 200')
    expect(stdout.match(/^ {2}ok /gm)).toHaveLength(steps - 1)
    expect(stdout).toContain(`${steps} steps: 1 DIFFER`)
    expect(code).toBe(1)
  })

  it('ends a check that is interrupted with 130, although an answer is awaited', async () => {
    const { child, printed, ended } = run('hangs', '--check', '--port', '0')
    await printed(TOUR[0]?.title ?? '')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, signal: null, stderr: '' })
  })

  it('stops what it has started when the reader of its output goes away', async () => {
    const { child, ended } = run('foretold', '--check', '--port', '0')
    child.stdout?.destroy()
    expect(await ended).toMatchObject({ code: 130, signal: null })
  })

  it('prints what can be chosen with --help', async () => {
    const { code, stdout } = await run('foretold', '--help').ended
    expect(stdout).toMatch(/--check[^]+--port[^]+--help/)
    expect(code).toBe(0)
  })

  it('refuses a wrong option with 2, and starts nothing', async () => {
    const { code, stdout, stderr } = await run('foretold', '--port', 'http').ended
    expect({ code, stdout }).toStrictEqual({ code: 2, stdout: '' })
    expect(stderr).toBe('`--port` must be a number from 0 to 65531, got "http"\n')
  })

  it('ends with 1 and one line where a chosen port is taken', async () => {
    const first = run('foretold', '--port', '0')
    let screen = ''
    first.child.stdout?.on('data', (text: string) => {
      screen += text
    })
    await first.printed('Ctrl-C stops everything')
    const taken = Number(new URL(addressIn(screen, 'worker A')).port)
    const { code, stderr } = await run('foretold', '--port', String(taken)).ended
    const [, named] = /^Port (\d+) is taken\. Choose others with --port\.\n$/.exec(stderr) ?? []
    // It wants five in a row. The system may have given one of the others to another program meanwhile.
    expect([0, 1, 2, 3, 4].map((more) => taken + more)).toContain(Number(named))
    expect(code).toBe(1)
    first.child.kill('SIGINT')
    await first.ended
  })

  it('ends with 1 where the worker cannot be bundled', async () => {
    const { code, stdout, stderr } = await run('unbundled', '--port', '0').ended
    expect({ code, stdout }).toStrictEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('no such file')
  })

  it('ends with 1 where the worker cannot be loaded', async () => {
    const { code, stdout, stderr } = await run('broken', '--port', '0').ended
    expect({ code, stdout }).toStrictEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('nowhere')
  })
})
