/** Memcached itself for tests, from Debian: servers on the loopback. @module */
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from './ports.ts'
import { type DebianProgram, fetchProgram, missing, without } from './debian.ts'
import { ServerProcess } from './process.ts'

const PROGRAM: DebianProgram = { package: 'memcached', name: 'memcached' }

export interface MemcachedServerOptions {
  /** Options over those that tests have: `['-m', '1', '-M']`. */
  readonly args?: readonly string[]
  /** Makes the server ask for these words: `-Y`. */
  readonly auth?: { readonly username: string; readonly password: string }
}

export interface TestMemcached {
  readonly host: '127.0.0.1'
  /** The same after a restart. */
  readonly port: number
  readonly pid: number
  /** What commands answer, as Latin-1, up to the reply to a `mn` that follows them. */
  command(line: string | Buffer): Promise<string>
  /** The value as the `get` of any client finds it. */
  get(key: string): Promise<Buffer | undefined>
  /** SIGKILL. */
  kill(): void
  /** SIGSTOP: the connections stay, and the server answers nothing once this has resolved. */
  pause(): Promise<void>
  /** SIGCONT. */
  resume(): void
  /** `flush_all`: the data is gone, the connections stay. */
  wipe(): Promise<void>
  /** Starts it again on its port, empty, after ending it if it still runs. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Why no Memcached can be started here, also printed; `undefined` when one can. @throws Error under `CI=true`. */
export const withoutMemcached = (): string | undefined => without(PROGRAM)

/** Why Memcached cannot be had here; `undefined` when it can. */
export const memcachedMissing = (): string | undefined => missing(PROGRAM)

/** @throws Error when there is no Memcached to be had, or it does not start. */
export async function startMemcached({
  args = [],
  auth,
}: MemcachedServerOptions = {}): Promise<TestMemcached> {
  const program = await fetchProgram(PROGRAM)
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-memcached-'))
  const secrets = join(folder, 'auth')
  if (auth) await writeFile(secrets, `${auth.username}:${auth.password}\n`, { mode: 0o600 })
  const ask = (line: string | Buffer) => askServer(port, auth, line)
  const start = () =>
    ServerProcess.start({
      program,
      args: [
        '-l',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        '0',
        '-t',
        '2',
        '-u',
        userInfo().username,
        ...(auth ? ['-Y', secrets] : []),
        ...args,
      ],
      log: join(folder, 'memcached.log'),
      ready: () =>
        ask('version\r\n').then(
          (answer) => answer.startsWith('VERSION'),
          () => false,
        ),
    })
  let running = await start()

  return {
    host: '127.0.0.1',
    port,
    get pid() {
      return running.pid
    },
    command: ask,
    async get(key) {
      const answer = await ask(`get ${key}\r\n`)
      const head = /^VALUE \S+ \d+ (\d+)\r\n/.exec(answer)
      if (!head) return undefined
      return Buffer.from(answer.slice(head[0].length, head[0].length + Number(head[1])), 'latin1')
    },
    kill: () => running.signal('SIGKILL'),
    async pause() {
      running.signal('SIGSTOP')
      while (!(await isStopped(running.pid))) await sleep(5)
    },
    resume: () => running.signal('SIGCONT'),
    wipe: async () => void (await ask('flush_all\r\n')),
    async restart() {
      await running.end('SIGTERM')
      running = await start()
    },
    async stop() {
      await running.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Whether all threads of a process stand still: a signal is sent at once, and arrives some time later. */
async function isStopped(pid: number): Promise<boolean> {
  const tasks = await readdir(`/proc/${pid}/task`)
  const states = tasks.map(async (task) => {
    const stat = await readFile(`/proc/${pid}/task/${task}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2)[0] === 'T'
  })
  return (await Promise.all(states)).every(Boolean)
}

/** On a connection of its own: tests look at the server by another way than the code does. */
async function askServer(
  port: number,
  auth: MemcachedServerOptions['auth'],
  line: string | Buffer,
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')))
  const failed = once(socket, 'error').then(([error]) => Promise.reject(error as Error))
  const words = auth ? `${auth.username} ${auth.password}` : ''
  const greeting = auth ? `set auth 0 0 ${Buffer.byteLength(words)}\r\n${words}\r\n` : ''
  const answered = (async () => {
    socket.write(greeting)
    socket.write(line)
    socket.write('mn\r\n')
    let text = ''
    for await (const chunk of socket) {
      text += (chunk as Buffer).toString('latin1')
      if (text.endsWith('MN\r\n')) break
    }
    return text.slice(auth ? 'STORED\r\n'.length : 0, -'MN\r\n'.length)
  })()
  try {
    return await Promise.race([answered, failed])
  } finally {
    socket.destroy()
    failed.catch(() => undefined)
  }
}
