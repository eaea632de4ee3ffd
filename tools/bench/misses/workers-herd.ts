/**
 * Herds in a bare workerd, where requests share state and no promises: how long they take, what they load, and how many
 * timers they set.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { bundle } from '../../../test/runtime/bundle.ts'
import { configure, whileServing } from '../cold-start/start.ts'
import { medianOf } from '../statistics.ts'
import type { Counted } from './worker.ts'

/** One shape of a herd. */
interface Herd {
  readonly requests: number
  /** In each request. */
  readonly callers: number
}

export interface WorkersHerd extends Herd {
  readonly herdMs: number
  /** A caller, of all threads of workerd, with the HTTP of its requests. */
  readonly cpuUs: number
  readonly timersACaller: number
  readonly loadsAHerd: number
}

const HERDS: readonly Herd[] = [
  { requests: 1, callers: 1000 },
  { requests: 100, callers: 10 },
]
const LIMIT_MS = 30_000

/** @param herds of each shape; half as many warm up */
export async function measureWorkersHerds(
  herds: number,
  progress: (text: string) => void,
): Promise<WorkersHerd[]> {
  const folder = await mkdtemp(join(os.tmpdir(), 'kedge-herds-'))
  try {
    const { code } = await bundle(new URL('worker.ts', import.meta.url))
    const config = await configure(folder, { name: 'herds', code, bindings: {} })
    const found: WorkersHerd[] = []
    for (const herd of HERDS) {
      progress(`a herd of ${herd.callers} callers in each of ${herd.requests} requests on Workers`)
      found.push(await whileServing(config, (url, now) => measureHerd(url, now, herd, herds)))
    }
    return found
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureHerd(
  url: string,
  now: () => Promise<{ readonly wallMs: number; readonly cpuMs: number }>,
  { requests, callers }: Herd,
  herds: number,
): Promise<WorkersHerd> {
  const ask = async (query: string): Promise<string> => {
    const answer = await fetch(`${url}/${query}`, { signal: AbortSignal.timeout(LIMIT_MS) })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`a herd was answered with ${answer.status}: ${text}`)
    return text
  }
  const counted = async (): Promise<Counted> => JSON.parse(await ask('')) as Counted
  const stampede = async (key: string): Promise<void> => {
    await Promise.all(Array.from({ length: requests }, () => ask(`?key=${key}&callers=${callers}`)))
  }
  for (let herd = 0; herd < herds / 2; herd++) await stampede(`warm-${herd}`)
  const before = await counted()
  const wall: number[] = []
  const cpu: number[] = []
  for (let herd = 0; herd < herds; herd++) {
    const from = await now()
    await stampede(`key-${herd}`)
    const to = await now()
    wall.push(to.wallMs - from.wallMs)
    cpu.push((to.cpuMs - from.cpuMs) * 1000)
  }
  const after = await counted()
  const all = requests * callers
  return {
    requests,
    callers,
    herdMs: medianOf(wall),
    cpuUs: medianOf(cpu) / all,
    timersACaller: (after.timers - before.timers) / herds / all,
    loadsAHerd: (after.loads - before.loads) / herds,
  }
}
