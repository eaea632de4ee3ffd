/** Programs that tests start, and that never outlive them. @module */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { guard } from '../store-servers/process.ts'

/**
 * Starts a program whose standard output can be read. It ends with this process, whatever ends that.
 */
export function guardedChild(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  guard(child)
  return child
}

/** SIGKILL, and waits until it is gone. */
export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
