/** Programs that tests start, and that never outlive them. @module */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Starts a program whose standard output can be read. Whatever ends this process, SIGKILL included, ends it: a shell
 * waits for the end of a pipe that only we hold, and then kills that one pid, stopped or not.
 */
export function guardedChild(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const guard = spawn('sh', ['-c', 'cat >/dev/null; kill -9 "$1"', 'sh', String(child.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.once('exit', () => guard.kill('SIGKILL'))
  guard.unref()
  return child
}

/** SIGKILL, and waits until it is gone. */
export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

const FIRST_PORT = 20_000
const PORTS = 10_000

/**
 * A port for a server that goes and comes back. Below those that the system gives to outgoing connections
 * (32768 and up on Linux): one of them would be taken in between, sooner or later, by who tries to connect to it.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const server = createServer()
    const listening = once(server, 'listening')
    server.listen(port, '127.0.0.1')
    try {
      await listening
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
