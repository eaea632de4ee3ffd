/**
 * Programs that are started, and ended with everything that they have started: each is the leader of a group.
 *
 * @module
 */
import { spawn } from 'node:child_process'

export interface Ended {
  /** Why it was killed, if it was: it took longer than it may, or said nothing for longer than it may. */
  readonly late: 'all' | 'silence' | undefined
  readonly code: number | null
  readonly output: string
}

/** Of what a program writes, the last part is kept. */
const MAX_OUTPUT = 1_000_000

const groups = new Set<number>()

export interface Patience {
  readonly maxMs: number
  /** Of a program that says something now and then. @default `maxMs` */
  readonly maxSilenceMs?: number
}

/** Runs Node with the arguments. */
export function node(
  args: readonly string[],
  cwd: string,
  { maxMs, maxSilenceMs = maxMs }: Patience,
): Promise<Ended> {
  const env = { ...process.env, NO_COLOR: '1', CI: '1' }
  const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const { pid } = child
  let output = ''
  let late: Ended['late']
  const kill = (why: Ended['late']) => () => {
    late = why
    endGroup(pid)
  }
  const timer = setTimeout(kill('all'), maxMs)
  const silence = setTimeout(kill('silence'), maxSilenceMs)
  const take = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT)
    silence.refresh()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  if (pid !== undefined) groups.add(pid)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      clearTimeout(silence)
      // Whatever it has left behind.
      endGroup(pid)
      resolve({ late, code, output })
    })
  })
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined || !groups.has(pid)) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended by itself.
  }
}

/** Ends whatever still runs. */
export function endAll(): void {
  for (const pid of groups) endGroup(pid)
}
