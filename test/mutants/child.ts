/**
 * Programs that are started, and ended with everything that they have started: each is the leader of a group.
 *
 * @module
 */
import { spawn } from 'node:child_process'

export interface Ended {
  /** Killed, because it took longer than it may. */
  readonly isLate: boolean
  readonly code: number | null
  readonly output: string
}

/** Of what a program writes, the last part is kept. */
const MAX_OUTPUT = 1_000_000

const groups = new Set<number>()

/** Runs Node with the arguments, for at most `maxMs`. */
export function node(args: readonly string[], cwd: string, maxMs: number): Promise<Ended> {
  const env = { ...process.env, NO_COLOR: '1', CI: '1' }
  const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const { pid } = child
  let output = ''
  let isLate = false
  const take = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-MAX_OUTPUT))
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  if (pid !== undefined) groups.add(pid)
  const timer = setTimeout(() => {
    isLate = true
    endGroup(pid)
  }, maxMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      // Whatever it has left behind.
      endGroup(pid)
      resolve({ isLate, code, output })
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
