/** A server as a process of its own, which ends with the tests whatever happens. @module */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from './debian.ts'

const START_MS = 60_000
const STOP_MS = 20_000

export interface ServerOptions {
  readonly program: Program
  readonly args: readonly string[]
  /** Where what it prints goes. */
  readonly log: string
  /** Whether it serves. Asked until it does. */
  readonly ready: () => Promise<boolean>
}

export class ServerProcess {
  readonly #process: ChildProcess

  private constructor(started: ChildProcess) {
    this.#process = started
  }

  /** Resolves when it serves. @throws Error with what it printed, when it does not. */
  static async start({ program, args, log, ready }: ServerOptions): Promise<ServerProcess> {
    const file = await open(log, 'a')
    const started = spawn(program.file, args, {
      detached: true,
      stdio: ['ignore', file.fd, file.fd],
      env: { ...process.env, ...program.env },
    })
    await file.close()
    guard(started)
    const deadline = performance.now() + START_MS
    while (!(await ready())) {
      if (hasEnded(started) || performance.now() > deadline) {
        started.kill('SIGKILL')
        throw new Error(`The server did not start.\n${await readFile(log, 'utf8')}`)
      }
      await sleep(20)
    }
    return new ServerProcess(started)
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(name)
  }

  /** Resolves when it has ended; killed, if it does not by itself. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    // A stopped process acts on no signal but SIGKILL until it goes on.
    this.#process.kill('SIGCONT')
    this.#process.kill(signal)
    if (!(await exited(this.#process))) this.#process.kill('SIGKILL')
    await exited(this.#process)
  }
}

/**
 * Whatever ends this process, SIGKILL included, ends the server: a shell waits for the end of a pipe that only we
 * hold, and then kills that one pid.
 */
export function guard(server: ChildProcess): void {
  const script = 'cat >/dev/null; kill -9 "$1"'
  const shell = spawn('sh', ['-c', script, 'sh', String(server.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const onExit = () => void server.kill('SIGKILL')
  process.once('exit', onExit)
  server.once('exit', () => {
    process.removeListener('exit', onExit)
    shell.kill('SIGKILL')
  })
  for (const child of [server, shell]) child.unref()
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

async function exited(server: ChildProcess): Promise<boolean> {
  if (hasEnded(server)) return true
  const timeout = new AbortController()
  return Promise.race([
    once(server, 'exit').then(() => (timeout.abort(), true)),
    sleep(STOP_MS, false, { signal: timeout.signal }).catch(() => false),
  ])
}
