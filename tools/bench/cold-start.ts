/**
 * `npm run bench:cold-start`: what a worker with kedge costs when an isolate starts, over a bare one and over an empty
 * one in Hono. Each start is a fresh process of workerd; subjects take turns, in another order each round.
 *
 * `--before <commit>` puts the middleware and the worker of that commit beside them, in the same run: made in a working
 * tree of its own, with the packages that are installed here.
 *
 * Ends with 0 whatever was measured: a figure is not a failure.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs, promisify } from 'node:util'
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

const run = promisify(execFile)
const MIDDLEWARE = 'tools/bench/cold-start/middleware.ts'
/** No server listens there: a worker that reaches for Kafka before it must is slow or fails, and shows it. */
const NOWHERE = 'http://127.0.0.1:9'

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    before: { type: 'string' },
  },
})
const starts = Number(values.starts)
if (!Number.isSafeInteger(starts) || starts < 1)
  throw new TypeError('`--starts` must be a positive whole number')

const gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
const source = await startSource({ a: 'row' })
const folder = await mkdtemp(join(os.tmpdir(), 'kedge-cold-start-'))
const root = fileURLToPath(new URL('../../', import.meta.url))
const git = (...args: string[]) => run('git', args, { cwd: root })
const tree = values.before === undefined ? undefined : await checkedOut(values.before)
const load = [os.loadavg()[0]!]
try {
  const subjects = await subjectsOf()
  const samples = await measured(subjects)
  load.push(os.loadavg()[0]!)
  process.stdout.write(report(subjects, samples))
} finally {
  if (tree !== undefined) await git('worktree', 'remove', '--force', tree)
  await Promise.all([gateway.close(), source.close(), rm(folder, { recursive: true, force: true })])
}

/** A working tree of the commit, with the packages of this one. */
async function checkedOut(commit: string): Promise<string> {
  const path = join(folder, 'before')
  await git('worktree', 'add', '--detach', path, commit)
  await symlink(join(root, 'node_modules'), join(path, 'node_modules'), 'dir')
  return path
}

async function subjectsOf(): Promise<Subject[]> {
  const codeOf = async (path: string, from = root): Promise<string> =>
    (await bundle(pathToFileURL(join(from, path)), { external: ['cloudflare:*'] })).code
  const [bare, hono, zod, middleware, worker] = await Promise.all([
    codeOf('tools/bench/cold-start/bare.ts'),
    codeOf('tools/bench/cold-start/hono.ts'),
    codeOf('tools/bench/cold-start/zod.ts'),
    codeOf(MIDDLEWARE),
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
  const earlier =
    tree === undefined
      ? []
      : await Promise.all([codeOf(MIDDLEWARE, tree), codeOf('worker/cloudflare.ts', tree)])
  const [middlewareBefore, workerBefore] = earlier
  return [
    ...(middlewareBefore === undefined
      ? []
      : [{ name: `the middleware at ${values.before}`, code: middlewareBefore, bindings: away, ...health }]),
    ...(workerBefore === undefined
      ? []
      : [
          {
            name: `kedge worker at ${values.before}, a read`,
            code: workerBefore,
            // Earlier workers know this flavor alone, and the gateway speaks it.
            bindings: { ...here, KAFKA_FLAVOR: 'confluent' },
            path: '/cache/rows/a',
            untilHit: true,
          },
        ]),
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
