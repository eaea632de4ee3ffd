/**
 * A writer that is killed between its commit and its eviction: a real process, killed with SIGKILL right there, and
 * isolates that read the same row over the gateway.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { redpanda } from '../../adapters/kafka/redpanda.ts'
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { createCache, systemRuntime } from '../../src/index.ts'
import { writeIntents } from '../../src/write-paths/index.ts'

const PROGRAM = fileURLToPath(new URL('writer-process.ts', import.meta.url))
const INTENT = 5000
const MAX_STALENESS = 2000

let gateway: RunningGateway
let folder: string
let file: string
let child: ChildProcess | undefined
const ends: (() => Promise<void>)[] = []
/** How far the clocks of the readers are ahead. */
let aheadMs = 0

beforeEach(async () => {
  aheadMs = 0
  gateway = await startGateway()
  folder = await mkdtemp(join(tmpdir(), 'kedge-writes-'))
  file = join(folder, 'row')
  await writeFile(file, 'old')
})

afterEach(async () => {
  child?.kill('SIGKILL')
  for (const end of ends.splice(0)) await end()
  await gateway.close()
  await rm(folder, { recursive: true })
})

const load = () => readFile(file, 'utf8')

async function reader() {
  const runtime = systemRuntime()
  const cache = createCache({
    kafka: redpanda({ url: gateway.url }),
    maxStaleness: MAX_STALENESS,
    ttl: '1h',
    use: [writeIntents({ max: INTENT })],
    runtime: {
      ...runtime,
      now: () => runtime.now() + aheadMs,
      monotonic: () => runtime.monotonic() + aheadMs,
    },
  })
  ends.push(() => cache.close())
  const rows = cache.namespace<string>('rows')
  // On a slow machine a poll may take longer than it is waited for.
  const prove = async () => {
    while (!(await cache.sync()).proved) await new Promise((resolve) => setImmediate(resolve))
  }
  await prove()
  return {
    rows,
    read: async () => {
      await prove()
      return rows.getOrSet('7', load)
    },
  }
}

/** Starts a writer; resolves with a function that waits for the next line that it prints. */
function writer(intent: string) {
  child = spawn(process.execPath, [PROGRAM, gateway.url, file, intent], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const exited = new Promise<void>((resolve) => child!.once('exit', () => resolve()))
  return {
    told: async () => (await lines.next()).value as string,
    go: () => void child!.stdin!.write('go\n'),
    kill: async () => {
      child!.kill('SIGKILL')
      await exited
    },
  }
}

/** An isolate that knows all intents holds the old row; the writer is killed after its commit. */
async function crash(intent: string) {
  const here = await reader()
  aheadMs += INTENT + 100
  expect(await here.read()).toBe('old')
  expect(await here.read()).toBe('old')
  expect(here.rows.peek('7')).toBe('old')
  const writing = writer(intent)
  expect(await writing.told()).toBe('announced')
  // Read beside the write: the source still has the old row.
  expect(await here.read()).toBe('old')
  const cold = await reader()
  expect(await cold.read()).toBe('old')
  writing.go()
  expect(await writing.told()).toBe('committed')
  await writing.kill()
  return { here, cold }
}

describe('a writer that is killed between its commit and its eviction', () => {
  it('leaves no isolate with the old value', async () => {
    const isolates = Object.values(await crash(`${INTENT}ms`))
    for (const { read } of isolates) expect(await read()).toBe('new')
    aheadMs += INTENT + MAX_STALENESS
    for (const { read } of isolates) expect(await read()).toBe('new')
    // And it is cached again.
    for (const { rows } of isolates) expect(rows.peek('7')).toBe('new')
  })

  it('without an intent leaves the old value with the isolates that hold it, until its TTL ends', async () => {
    const { here } = await crash('false')
    expect(await here.read()).toBe('old')
    aheadMs += INTENT + MAX_STALENESS
    expect(await here.read()).toBe('old')
    aheadMs += 3_600_000
    expect(await here.read()).toBe('new')
  })

  it('differs from one that lives on: its eviction closes the intent', async () => {
    const here = await reader()
    aheadMs += INTENT + 100
    const writing = writer(`${INTENT}ms`)
    expect(await writing.told()).toBe('announced')
    writing.go()
    expect(await writing.told()).toBe('committed')
    expect(await here.read()).toBe('new')
    expect(here.rows.peek('7')).toBeUndefined()
    writing.go()
    expect(await writing.told()).toBe('evicted')
    expect(await here.read()).toBe('new')
    expect(here.rows.peek('7')).toBe('new')
  })
})
