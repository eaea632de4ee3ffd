/**
 * Programs that are started, and ended with everything that they have started: each is the leader of a group. How long
 * they may take is counted in processor time: a slow machine ends none of them.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { groupClock, watch } from '../processor-time.ts'

export interface Ended {
  /** Why it was killed, if it was: it computed longer than it may, or said nothing for longer than it may. */
  readonly late: 'all' | 'silence' | undefined
  readonly code: number | null
  readonly output: string
}

/** Of what a program writes, the last part is kept. */
const MAX_OUTPUT = 1_000_000
const groups = new Set<number>()

export interface Patience {
  /** Processor time, in milliseconds. */
  readonly maxMs: number
  /** Of a program that says something now and then. @default `maxMs` */
  readonly maxSilenceMs?: number
}

/** Starts Node in a group of its own. */
export function startNode(args: readonly string[], cwd: string, stdio: StdioOptions): ChildProcess {
  const env = { ...process.env, NO_COLOR: '1', CI: '1' }
  const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio })
  const { pid } = child
  if (pid !== undefined) groups.add(pid)
  // Its group may outlive it. After that the number may be another program's.
  child.once('close', () => {
    endGroup(pid)
    if (pid !== undefined) groups.delete(pid)
  })
  return child
}

/** Runs Node with the arguments. */
export function node(
  args: readonly string[],
  cwd: string,
  { maxMs, maxSilenceMs = maxMs }: Patience,
): Promise<Ended> {
  const child = startNode(args, cwd, ['ignore', 'pipe', 'pipe'])
  let output = ''
  let late: Ended['late']
  const kill = (why: Ended['late']) => () => {
    late ??= why
    endGroup(child.pid)
  }
  const clock = () => groupClock(child.pid ?? 0)
  const atEnd = watch(clock(), maxMs, kill('all'))
  let atWord = watch(clock(), maxSilenceMs, kill('silence'))
  const take = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT)
    atWord()
    atWord = watch(clock(), maxSilenceMs, kill('silence'))
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      atEnd()
      atWord()
      resolve({ late, code, output })
    })
  })
}

export function endGroup(pid: number | undefined): void {
  if (pid === undefined || !groups.has(pid)) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The whole group has ended.
  }
}

/** Ends whatever still runs. */
export function endAll(): void {
  for (const pid of groups) endGroup(pid)
}
