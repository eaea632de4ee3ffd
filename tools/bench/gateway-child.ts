/** The process of a gateway that is measured, as the measuring process sees it. @module */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answer, Question, Standing } from './gateway-process.ts'

export const GATEWAY: URL = new URL('gateway-process.ts', import.meta.url)
export const FLOOR: URL = new URL('gateway-floor.ts', import.meta.url)
/** A process that does not answer for so long has hung. */
const DEADLINE_MS = 30_000

export interface GatewayChild {
  readonly url: string
  /** @param collect whether garbage is collected before the heap is looked at */
  standing(collect?: boolean): Promise<Standing>
  /** Resolves once so many requests are unanswered. */
  waiting(count: number): Promise<void>
  stop(): Promise<void>
}

/** What was done between two looks, and how long that was. */
export interface Work {
  readonly ms: number
  readonly cpuMs: number
  readonly answered: number
  readonly reads: number
  readonly bounds: number
}

/** @throws Error when it does not start. */
export async function startChild(brokers: string, program: URL = GATEWAY): Promise<GatewayChild> {
  const child = fork(fileURLToPath(program), [brokers], {
    execArgv: ['--no-warnings', '--expose-gc'],
    stdio: 'inherit',
  })
  const started = await answer(child, (said) => ('url' in said ? said.url : undefined))
  const ask = <T>(question: Question, read: (said: Answer) => T | undefined): Promise<T> => {
    const said = answer(child, read)
    child.send(question)
    return said
  }
  return {
    url: started,
    standing: (collect = false) =>
      ask({ ask: 'standing', collect }, (said) => ('standing' in said ? said.standing : undefined)),
    waiting: async (count) => {
      await ask({ ask: 'waiting', count }, (said) => ('waiting' in said ? said.waiting : undefined))
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** What a gateway does while `work` runs. */
export async function during(child: GatewayChild, work: () => Promise<void>): Promise<Work> {
  const before = await child.standing()
  const began = performance.now()
  await work()
  const ms = performance.now() - began
  const after = await child.standing()
  return {
    ms,
    cpuMs: after.cpuMs - before.cpuMs,
    answered: after.answered - before.answered,
    reads: after.reads - before.reads,
    bounds: after.bounds - before.bounds,
  }
}

function answer<T>(child: ChildProcess, read: (said: Answer) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
    const fail = (why: string) => {
      leave()
      reject(new Error(`the gateway ${why}`))
    }
    const onExit = () => fail('has ended')
    const onMessage = (message: unknown) => {
      const said = message as Answer
      if ('error' in said) return fail(`failed: ${said.error}`)
      const found = read(said)
      if (found === undefined) return
      leave()
      resolve(found)
    }
    const timer = setTimeout(() => fail('does not answer'), DEADLINE_MS)
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}
