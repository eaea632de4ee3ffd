/** One fresh process of workerd with one worker, from its start to its first answers. @module */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** The one that Miniflare runs. */
const { default: workerd } = createRequire(import.meta.resolve('miniflare'))('workerd') as {
  readonly default: string
}
/** A start that takes longer has hung. */
const LIMIT_MS = 30_000

/** One moment of a start: milliseconds since the process was made, and milliseconds of CPU, of all of its threads. */
export interface Moment {
  readonly wallMs: number
  readonly cpuMs: number
}

export interface Start {
  /** The script is parsed and its modules are evaluated; the worker listens. */
  readonly listens: Moment
  /** The first request is answered. */
  readonly answers: Moment
  /** The first answer that was held. Only where there is something to hold. */
  readonly hits: Moment | undefined
}

export interface Subject {
  readonly name: string
  readonly code: string
  readonly bindings: Readonly<Record<string, string>>
  readonly path: string
  /** Whether to go on until an answer comes out of the cache. */
  readonly untilHit: boolean
}

/** Writes the configuration of a worker. @returns its path */
export async function configure(
  folder: string,
  subject: Pick<Subject, 'name' | 'code' | 'bindings'>,
): Promise<string> {
  const name = subject.name.replaceAll(/\W+/g, '-')
  await writeFile(join(folder, `${name}.js`), subject.code)
  const bindings = Object.entries(subject.bindings).map(
    ([key, value]) => `(name = ${JSON.stringify(key)}, text = ${JSON.stringify(value)})`,
  )
  const path = join(folder, `${name}.capnp`)
  await writeFile(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "${name}.js")],
      compatibilityDate = "2026-06-01",
      bindings = [${bindings.join(', ')}],
      globalOutbound = "net",
    )),
    (name = "net", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  )
  return path
}

/** Starts the worker, asks it, and ends it. */
export async function startOnce(config: string, { path, untilHit }: Subject): Promise<Start> {
  return whileServing(config, async (url, now) => {
    const listens = await now()
    const ask = async (): Promise<string> => {
      const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(LIMIT_MS) })
      await answer.arrayBuffer()
      if (answer.status !== 200) throw new Error(`${config}: ${path} was answered with ${answer.status}`)
      return answer.headers.get('cache-status') ?? ''
    }
    await ask()
    const answers = await now()
    if (!untilHit) return { listens, answers, hits: undefined }
    while (!(await ask()).includes('hit'));
    return { listens, answers, hits: await now() }
  })
}

/** Starts the worker, and ends it when `run` has settled. */
export async function whileServing<T>(
  config: string,
  run: (url: string, now: () => Promise<Moment>) => Promise<T>,
): Promise<T> {
  const began = performance.now()
  const child = spawn(workerd, ['serve', config, '--control-fd=3'], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    timeout: LIMIT_MS,
  })
  try {
    const port = await portOf(child)
    const now = async (): Promise<Moment> => {
      const wallMs = performance.now() - began
      return { wallMs, cpuMs: await cpuOf(child.pid!) }
    }
    return await run(`http://127.0.0.1:${port}`, now)
  } finally {
    const ended = once(child, 'exit')
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
  }
}

/** workerd says on a pipe where it listens. */
async function portOf(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const said = JSON.parse(line) as { readonly event: string; readonly port?: number }
    if (said.event === 'listen' && said.port !== undefined) return said.port
  }
  throw new Error('workerd ended before it listened')
}

/** What the scheduler has counted, in nanoseconds, of each thread. */
async function cpuOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const ns = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
      return Number(text.split(' ')[0])
    }),
  )
  return ns.reduce((sum, each) => sum + each, 0) / 1e6
}
