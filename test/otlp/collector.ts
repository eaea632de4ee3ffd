/** OpenTelemetry's collector itself: one that a person has, or one that its own builder makes here. @module */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type GoProgram, goProgram, goProgramMissing } from '../go-program.ts'
import { freePorts } from '../store-servers/ports.ts'
import { ServerProcess } from '../store-servers/process.ts'

const run = promisify(execFile)

const VERSION = '0.161.0'
const BUILDER: GoProgram = {
  name: 'ocb',
  source: 'go.opentelemetry.io/collector/cmd/builder',
  version: `v${VERSION}`,
}
const BUILT = fileURLToPath(new URL(`../../node_modules/.cache/kedge-go/otelcol-${VERSION}`, import.meta.url))
/** What it takes, and a file of what it took; the processor makes of deltas what Prometheus wants. */
const MANIFEST = `dist: { name: otelcol, output_path: . }
receivers: [{ gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v${VERSION} }]
processors: [{ gomod: github.com/open-telemetry/opentelemetry-collector-contrib/processor/deltatocumulativeprocessor v${VERSION} }]
exporters: [{ gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter v${VERSION} }]
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v1.67.0
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.67.0
`

/** Its path in `KEDGE_OTELCOL`, or on `PATH`; `undefined` where a person has none. */
const OWN = [process.env['KEDGE_OTELCOL'] ?? 'otelcol'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

/** Why there is no collector here: its builder takes minutes, so that only the extended run has it work. */
export function collectorMissing(): string | undefined {
  if (OWN !== undefined || existsSync(BUILT)) return undefined
  if (process.env['KEDGE_EXTENDED'] === undefined)
    return 'npm run test:extended builds it, which takes minutes'
  return goProgramMissing(BUILDER)
}

/** The path of the program. Its builder takes some minutes of computing once. */
export async function collector(): Promise<string> {
  if (OWN !== undefined) return OWN
  if (existsSync(BUILT)) return BUILT
  const builder = await goProgram(BUILDER)
  await mkdir(dirname(BUILT), { recursive: true })
  const folder = await mkdtemp(`${BUILT}-`)
  try {
    await writeFile(join(folder, 'builder.yaml'), MANIFEST)
    const env = { ...process.env, GOFLAGS: '', CGO_ENABLED: '0' }
    const options = { cwd: folder, env, maxBuffer: 2 ** 26 }
    await run(builder, ['--config', 'builder.yaml', '--ldflags', '-s -w'], options)
    await rename(join(folder, 'otelcol'), BUILT)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return BUILT
}

export interface RunningCollector {
  /** Of its OTLP/HTTP receiver. */
  readonly url: string
  /** What it has taken, as it writes it: a line of JSON for each push. */
  taken(): Promise<readonly string[]>
  /** The same, with deltas added up. */
  cumulative(): Promise<readonly string[]>
  stop(): Promise<void>
}

export async function startCollector(): Promise<RunningCollector> {
  const file = await collector()
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-otelcol-'))
  const [taken, cumulative] = [join(folder, 'taken.json'), join(folder, 'cumulative.json')]
  const config = join(folder, 'config.yaml')
  await writeFile(
    config,
    `receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:${port}' } } } }
processors: { deltatocumulative: {} }
exporters:
  file/taken: { path: '${taken}', flush_interval: 100ms }
  file/cumulative: { path: '${cumulative}', flush_interval: 100ms }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics/taken: { receivers: [otlp], exporters: [file/taken] }
    metrics/cumulative: { receivers: [otlp], processors: [deltatocumulative], exporters: [file/cumulative] }
`,
  )
  const url = `http://127.0.0.1:${port}`
  const running = await ServerProcess.start({
    program: { file, env: {} },
    args: ['--config', config],
    log: join(folder, 'log'),
    // It answers 405 to a GET once it listens.
    ready: () =>
      fetch(`${url}/v1/metrics`).then(
        () => true,
        () => false,
      ),
  })
  const lines = async (path: string) => {
    const text = await readFile(path, 'utf8').catch(() => '')
    return text.split('\n').filter((line) => line.endsWith('}'))
  }
  return {
    url,
    taken: () => lines(taken),
    cumulative: () => lines(cumulative),
    async stop() {
      await running.end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
