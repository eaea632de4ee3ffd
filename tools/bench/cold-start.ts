/**
 * `npm run bench:cold-start`: what a worker with kedge costs when an isolate starts, over a bare one and over an empty
 * one in Hono. Each start is a fresh process of workerd; subjects take turns, in another order each round.
 *
 * Ends with 0 whatever was measured: a figure is not a failure.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { startGateway } from '../../services/gateway/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { bundle } from '../../test/runtime/bundle.ts'
import { startSource } from '../../test/worker/miniflare-source.ts'
import { configure, startOnce } from './cold-start/start.ts'
import type { Moment, Start, Subject } from './cold-start/start.ts'
import { table } from './report.ts'
import { spreadOf } from './statistics.ts'
import { shuffled } from './workload.ts'

/** No server listens there: a worker that reaches for Kafka before it must is slow or fails, and shows it. */
const NOWHERE = 'http://127.0.0.1:9'

const { values } = parseArgs({
  options: { starts: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
})
const starts = Number(values.starts)
if (!Number.isSafeInteger(starts) || starts < 1)
  throw new TypeError('`--starts` must be a positive whole number')

const gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
const source = await startSource({ a: 'row' })
const folder = await mkdtemp(join(os.tmpdir(), 'kedge-cold-start-'))
const load = [os.loadavg()[0]!]
try {
  const subjects = await subjectsOf()
  const samples = await measured(subjects)
  load.push(os.loadavg()[0]!)
  process.stdout.write(report(subjects, samples))
} finally {
  await Promise.all([gateway.close(), source.close(), rm(folder, { recursive: true, force: true })])
}

async function subjectsOf(): Promise<Subject[]> {
  const codeOf = async (path: string): Promise<string> =>
    (await bundle(new URL(`../../${path}`, import.meta.url), { external: ['cloudflare:*'] })).code
  const [bare, hono, zod, middleware, worker] = await Promise.all([
    codeOf('tools/bench/cold-start/bare.ts'),
    codeOf('tools/bench/cold-start/hono.ts'),
    codeOf('tools/bench/cold-start/zod.ts'),
    codeOf('tools/bench/cold-start/middleware.ts'),
    codeOf('worker/cloudflare.ts'),
  ])
  // As `minify = true` in `wrangler.toml` does.
  const { code: minified } = await transform(worker, { minify: true, format: 'esm' })
  const away = { KAFKA_REST_URL: NOWHERE, KAFKA_FLAVOR: 'gateway', AUTH: 'open' }
  const here = {
    ...away,
    KAFKA_REST_URL: gateway.url,
    ORIGIN_URL: source.url,
    ORIGIN_FORMAT: 'envelope',
    NAMESPACES: 'rows',
  }
  const health = { path: '/healthz', untilHit: false }
  return [
    { name: 'bare worker', code: bare, bindings: {}, ...health },
    { name: 'empty Hono worker', code: hono, bindings: {}, ...health },
    { name: 'Hono worker with Zod', code: zod, bindings: {}, ...health },
    { name: 'Hono worker with the middleware', code: middleware, bindings: away, ...health },
    { name: 'kedge worker, /healthz', code: worker, bindings: away, ...health },
    { name: 'kedge worker minified, /healthz', code: minified, bindings: away, ...health },
    { name: 'kedge worker, a read', code: worker, bindings: here, path: '/cache/rows/a', untilHit: true },
  ]
}

async function measured(subjects: readonly Subject[]): Promise<Map<Subject, Start[]>> {
  const random = seededRandom(Number(values.seed))
  const samples = new Map<Subject, Start[]>(subjects.map((subject) => [subject, []]))
  const configs = new Map<Subject, string>()
  for (const subject of subjects) configs.set(subject, await configure(folder, subject))
  // One of each beforehand: the first start reads workerd itself from the disk.
  for (let round = 0; round <= starts; round++) {
    console.error(`round ${round} of ${starts}`)
    for (const subject of shuffled(subjects, random)) {
      const start = await startOnce(configs.get(subject)!, subject)
      if (round > 0) samples.get(subject)!.push(start)
    }
  }
  return samples
}

function report(subjects: readonly Subject[], samples: ReadonlyMap<Subject, readonly Start[]>): string {
  const spread = (moments: readonly (Moment | undefined)[], of: keyof Moment): string => {
    const known = moments.filter((moment) => moment !== undefined).map((moment) => moment[of])
    if (known.length === 0) return ''
    const { median, min, max } = spreadOf(known)
    return `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`
  }
  const rows = subjects.map((subject) => {
    const all = samples.get(subject)!
    return [
      subject.name,
      (gzipSync(subject.code, { level: 9 }).length / 1000).toFixed(1),
      ...(['listens', 'answers', 'hits'] as const).flatMap((at) => [
        spread(
          all.map((start) => start[at]),
          'cpuMs',
        ),
        spread(
          all.map((start) => start[at]),
          'wallMs',
        ),
      ]),
    ]
  })
  const head = ['', 'kB gzip', 'listens, CPU', 'wall', 'first answer, CPU', 'wall', 'first hit, CPU', 'wall']
  const cpus = os.cpus()
  return `Node ${process.versions.node}, ${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, load ${load.map((each) => each.toFixed(1)).join(' to ')}
${starts} starts of each, milliseconds since the process was made: median (least–most)

${table(head, rows)}
`
}
