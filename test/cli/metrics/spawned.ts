/** A program of Node as a process of its own, which ends with the tests. */
import { spawn } from 'node:child_process'

export interface SpawnOptions {
  readonly cwd: string
  /** Over the search paths: nothing else of the tests' own. */
  readonly env: Readonly<Record<string, string>>
  /** Each finds a text in what it prints. */
  readonly places: readonly RegExp[]
}

export interface Spawned {
  /** What the places have found, in their order. */
  readonly found: string[]
  readonly end: () => Promise<void>
}

/** Resolves once every place has found its text. @throws Error with what it printed, when it ends before. */
export async function spawned(args: readonly string[], { cwd, env, places }: SpawnOptions): Promise<Spawned> {
  const { PATH, NODE_PATH } = process.env
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, NODE_PATH, ...env },
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const end = () => (child.kill('SIGKILL'), ended)
  let said = ''
  return new Promise((resolve, reject) => {
    const take = (text: string) => {
      said += text
      const found = places.map((place) => place.exec(said)?.[1])
      if (found.every((each) => each !== undefined)) resolve({ found, end })
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    void ended.then(() => reject(new Error(`${args.join(' ')} has ended: ${said}`)))
  })
}
