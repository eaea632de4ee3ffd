/** Redis itself for tests, from Debian: one server, or a cluster of them, on the loopback. @module */
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from './ports.ts'
import { type DebianProgram, fetchProgram, missing, type Program, without } from './debian.ts'
import { ServerProcess } from './process.ts'

const PROGRAM: DebianProgram = { package: 'redis-server', name: 'redis-server' }
const SLOTS = 16_384
const CLUSTER_MS = 20_000

export interface RedisServerOptions {
  /** Settings over those that tests have, as in `redis.conf`. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface RedisServer {
  readonly host: '127.0.0.1'
  /** The same after a restart. */
  readonly port: number
  readonly pid: number
  /** What a command answers, as text; lists by lines. @throws Error with the server's own words. */
  command(...args: readonly string[]): Promise<string>
  /** SIGKILL. */
  kill(): void
  /** SIGSTOP: the connections stay, and the server does not answer. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** FLUSHALL: the data is gone, the connections stay. */
  wipe(): Promise<void>
  /** Starts it again on its port and what it had saved, after ending it if it still runs. */
  restart(): Promise<void>
  /** Ends it for good, and removes its data. */
  stop(): Promise<void>
}

export interface RedisCluster {
  /** In the order of their slots. */
  readonly nodes: readonly RedisServer[]
  wipe(): Promise<void>
  stop(): Promise<void>
}

/** Why no Redis can be started here, also printed; `undefined` when one can. @throws Error instead under `CI=true`. */
export const withoutRedis = (): string | undefined => without(PROGRAM)

/** Why Redis cannot be had here; `undefined` when it can. */
export const redisMissing = (): string | undefined => missing(PROGRAM)

/** @throws Error when there is no Redis to be had, or it does not start. */
export async function startRedis({ settings = {} }: RedisServerOptions = {}): Promise<RedisServer> {
  const [port = 0] = await freePorts(1)
  return launch(await fetchProgram(PROGRAM), port, settings)
}

/** A cluster of masters without replicas; slots divided evenly. */
export async function startRedisCluster(
  count = 3,
  { settings = {} }: RedisServerOptions = {},
): Promise<RedisCluster> {
  const program = await fetchProgram(PROGRAM)
  const ports = await freePorts(2 * count)
  const nodes = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      launch(program, ports[2 * index] ?? 0, {
        'cluster-enabled': 'yes',
        'cluster-config-file': 'nodes.conf',
        'cluster-port': String(ports[2 * index + 1]),
        'cluster-node-timeout': '2000',
        // The other nodes go on serving their slots.
        'cluster-require-full-coverage': 'no',
        ...settings,
      }),
    ),
  )
  try {
    await meet(nodes, ports)
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()))
    throw error
  }
  return {
    nodes,
    wipe: async () => void (await Promise.all(nodes.map((node) => node.wipe()))),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  }
}

async function meet(nodes: readonly RedisServer[], ports: readonly number[]): Promise<void> {
  const [first] = nodes
  const edge = (index: number) => Math.floor((index * SLOTS) / nodes.length)
  for (const [index, node] of nodes.entries()) {
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(edge(index)), String(edge(index + 1) - 1))
    // Epochs of their own, so that no two nodes have to agree on it first.
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    if (node !== first) {
      const address = ['127.0.0.1', String(ports[0]), String(ports[1])]
      await node.command('CLUSTER', 'MEET', ...address)
    }
  }
  const deadline = performance.now() + CLUSTER_MS
  const settled = async (node: RedisServer) => {
    const info = await node.command('CLUSTER', 'INFO')
    return (
      info.includes('cluster_state:ok') &&
      info.includes(`cluster_slots_ok:${SLOTS}`) &&
      info.includes(`cluster_known_nodes:${nodes.length}`)
    )
  }
  while (!(await Promise.all(nodes.map(settled))).every(Boolean)) {
    if (performance.now() > deadline) throw new Error('The cluster did not come together.')
    await sleep(50)
  }
}

async function launch(
  program: Program,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-redis-'))
  const all: Record<string, string> = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    // Nothing is saved unless a test says so: a killed server comes back empty.
    save: '',
    appendonly: 'no',
    'shutdown-on-sigterm': 'default',
    ...settings,
  }
  const secret = all['requirepass']
  const command = (...args: readonly string[]) => ask(port, secret, args)
  const start = () =>
    ServerProcess.start({
      program,
      args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
      log: join(folder, 'redis.log'),
      ready: () =>
        command('PING').then(
          (answer) => answer === 'PONG',
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
    command,
    kill: () => running.signal('SIGKILL'),
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
    wipe: async () => void (await command('FLUSHALL')),
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

/** One command on a connection of its own: tests look at the server by another way than the code does. */
async function ask(port: number, secret: string | undefined, args: readonly string[]): Promise<string> {
  const commands = [...(secret === undefined ? [] : [['AUTH', secret]]), args, ['QUIT']]
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')))
  const failed = once(socket, 'error').then(([error]) => Promise.reject(error as Error))
  failed.catch(() => undefined)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => (text += String(chunk)))
  for (const words of commands) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    socket.write(`*${words.length}\r\n${parts.join('')}`)
  }
  await Promise.race([once(socket, 'close'), failed])
  return answerAfter(text, secret === undefined ? 0 : 1)
}

/** The answer number `skip`, of RESP2. */
function answerAfter(text: string, skip: number): string {
  let at = 0
  const line = () => {
    const end = text.indexOf('\r\n', at)
    if (end < 0) throw new Error('the server ended before it answered')
    const found = text.slice(at, end)
    at = end + 2
    return found
  }
  const reply = (): string => {
    const head = line()
    const rest = head.slice(1)
    if (head[0] === '-') throw new Error(rest)
    if (head[0] === '*') return Array.from({ length: Math.max(0, Number(rest)) }, reply).join('\n')
    if (head[0] !== '$' || rest === '-1') return rest === '-1' ? '(nil)' : rest
    // Lengths are in bytes: what is read this way is ASCII, or ends before the next line break.
    let body = ''
    while (Buffer.byteLength(body) < Number(rest)) body += text[at++] ?? ''
    at += 2
    return body
  }
  for (let index = 0; index < skip; index++) reply()
  return reply()
}
