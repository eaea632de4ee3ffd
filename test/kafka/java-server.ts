/** A server of Java as a process of its own, which ends with the tests whatever happens. @module */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const START_MS = 60_000
const STOP_MS = 20_000

export interface JavaServerOptions {
  /** What `java` is given. */
  readonly args: readonly string[]
  /** `host:port` that it listens on when it is ready. */
  readonly address: string
  /** Where what it prints goes. */
  readonly log: string
}

export class JavaServer {
  readonly #process: ChildProcess

  private constructor(started: ChildProcess) {
    this.#process = started
  }

  /** Resolves when it listens. @throws Error with what it printed, when it does not. */
  static async start({ args, address, log }: JavaServerOptions): Promise<JavaServer> {
    const file = await open(log, 'a')
    const started = spawn('java', args, { detached: true, stdio: ['ignore', file.fd, file.fd] })
    await file.close()
    guard(started)
    const deadline = performance.now() + START_MS
    while (!(await listens(address))) {
      if (hasEnded(started) || performance.now() > deadline) {
        started.kill('SIGKILL')
        throw new Error(`The server did not start.\n${await readFile(log, 'utf8')}`)
      }
      await sleep(50)
    }
    return new JavaServer(started)
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(name)
  }

  /** Resolves when it has ended; killed, if it does not by itself. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    // A stopped process hears nothing but SIGKILL until it goes on.
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
function guard(server: ChildProcess): void {
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

async function listens(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** All are held at once, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address()
      server.close()
      await once(server, 'close')
      return typeof address === 'object' && address ? address.port : 0
    }),
  )
}
