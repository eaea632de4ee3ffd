/** Zipkin itself, from Maven Central: fetched once (131 MB), kept beside the modules. @module */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts } from '../store-servers/ports.ts'
import { ServerProcess } from '../store-servers/process.ts'

const run = promisify(execFile)

const VERSION = '3.5.1'
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kedge-zipkin', import.meta.url))
const FOLDER = join(CACHE, VERSION)
const JAR = join(FOLDER, `zipkin-server-${VERSION}-exec.jar`)
const GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'
/** Of Zipkin 3. */
const MIN_JAVA = 17

function missing(): string | undefined {
  const { stderr, status } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  if (status !== 0) return 'Java is not here (17 or newer is needed)'
  const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (version < MIN_JAVA) return `Java ${version} is too old (${MIN_JAVA} or newer is needed)`
  if (existsSync(JAR)) return undefined
  return spawnSync('mvn', ['-v']).status === 0 ? undefined : 'Maven is not here (it fetches Zipkin)'
}

/**
 * Why tests on a real Zipkin are left out here, also printed; `undefined` when they run.
 *
 * @throws Error instead of a reason under `CI=true`: there they must run.
 */
export function withoutZipkin(): string | undefined {
  const reason = missing()
  if (reason === undefined) return undefined
  if (process.env['CI'] === 'true') throw new Error(`Tests on a real Zipkin must run under CI: ${reason}`)
  process.stderr.write(`\nNOT TESTED on a real Zipkin: ${reason}\n`)
  return reason
}

/** A span as Zipkin's API v2 has it. */
export interface ZipkinSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly name: string
  readonly kind?: string
  readonly localEndpoint?: { readonly serviceName: string }
  readonly tags?: Readonly<Record<string, string>>
}

export interface Zipkin {
  readonly url: string
  /** The spans of a trace; none where it is not known yet. */
  trace(id: string): Promise<readonly ZipkinSpan[]>
  /** The latest traces with a span of this name, by this service. */
  traces(service: string, span: string): Promise<readonly (readonly ZipkinSpan[])[]>
  stop(): Promise<void>
}

async function fetchZipkin(): Promise<void> {
  if (existsSync(JAR)) return
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(`${FOLDER}-`)
  try {
    const artifact = `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:exec`
    await run('mvn', ['-q', '-B', GOAL, artifact, `-DoutputDirectory=${folder}`])
    await rename(folder, FOLDER)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (!existsSync(JAR)) throw error
  }
}

/** Starts it, with its traces in memory. */
export async function startZipkin(): Promise<Zipkin> {
  await fetchZipkin()
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-zipkin-'))
  const url = `http://127.0.0.1:${port}`
  const running = await ServerProcess.start({
    program: { file: 'java', env: {} },
    args: ['-Xmx300m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-jar', JAR, `--server.port=${port}`],
    log: join(folder, 'zipkin.log'),
    ready: () =>
      fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
  })
  const ask = async <T>(path: string): Promise<T | undefined> => {
    const answer = await fetch(`${url}/api/v2/${path}`)
    return answer.ok ? ((await answer.json()) as T) : undefined
  }
  return {
    url,
    trace: async (id) => (await ask<ZipkinSpan[]>(`trace/${id}`)) ?? [],
    traces: async (service, span) =>
      (await ask<ZipkinSpan[][]>(
        `traces?${new URLSearchParams({ serviceName: service, spanName: span })}`,
      )) ?? [],
    async stop() {
      await running.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
