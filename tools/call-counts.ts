/**
 * `node tools/call-counts.ts [--files] [--check]`: how many functions of kedge an operation runs, and how often: by V8's
 * precise coverage, over a log in memory. A path that is short here is short to read, too. `--files` prints every function;
 * `--check` fails where an operation takes more than its limit.
 *
 * @module
 */
import { Session } from 'node:inspector/promises'
import { createCache } from '../src/index.ts'
import { memory, MemoryLog } from '../src/testing/index.ts'

/** Functions and calls that an operation may take. */
interface Limit {
  readonly functions: number
  readonly calls: number
}

interface Called {
  readonly file: string
  readonly name: string
  readonly calls: number
}

interface Operation {
  readonly run: (nth: number) => Promise<unknown>
  /** What is done before, and not counted. */
  readonly before?: (nth: number) => Promise<unknown>
}

const GOES = 10
const LIMITS: Readonly<Record<string, Limit>> = {
  hit: { functions: 13, calls: 13 },
  miss: { functions: 98, calls: 122 },
}
const ROOT = new URL('..', import.meta.url).href
const PRODUCT = /\/src\/(?!testing\/)/

const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })

/** The functions of the product that ran since the last call. Reading the counts sets them back to zero. */
async function called(): Promise<readonly Called[]> {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  return result
    .filter(({ url }) => url.startsWith(ROOT) && PRODUCT.test(url))
    .flatMap(({ url, functions }) =>
      functions.flatMap(({ functionName, ranges }) => {
        const calls = ranges[0]?.count ?? 0
        return calls === 0
          ? []
          : [{ file: url.slice(ROOT.length), name: functionName || '(anonymous)', calls }]
      }),
    )
}

const sumOf = (calls: readonly Called[]): number => calls.reduce((sum, each) => sum + each.calls, 0)

/**
 * What the operation runs, in the shortest of several goes: where the machine is busy, time jumps within an operation, and
 * the clock looks twice.
 */
async function counted({ before, run }: Operation): Promise<readonly Called[]> {
  let shortest: readonly Called[] | undefined
  for (let nth = 0; nth < GOES; nth++) {
    await before?.(nth)
    await called()
    await run(nth)
    // What the operation leaves to microtasks is its own, too.
    await new Promise((resolve) => setImmediate(resolve))
    const calls = await called()
    if (shortest === undefined || sumOf(calls) < sumOf(shortest)) shortest = calls
  }
  return shortest!
}

const log = new MemoryLog()
const open = async () => {
  const cache = createCache({ kafka: memory({ on: log }), ttl: '1m', refreshAfter: '1h', maxStaleness: '1h' })
  const users = cache.namespace<{ name: string }>('users')
  await cache.sync()
  await users.getOrSet('warm', () => ({ name: 'Ada' }))
  return { cache, users }
}
const { cache, users } = await open()
const other = await open()

const warm = async () => users.getOrSet('warm', () => ({ name: 'Eve' }))
const OPERATIONS: Readonly<Record<string, Operation>> = {
  hit: { run: warm, before: warm },
  miss: { run: async (nth) => users.getOrSet(`miss-${nth}`, () => ({ name: 'Bob' })), before: warm },
  delete: { run: async () => users.delete('warm'), before: warm },
  'poll with one foreign eviction': {
    run: async () => cache.sync(),
    before: async (nth) => other.users.delete(`miss-${nth}`),
  },
}

let failed = false
for (const [name, operation] of Object.entries(OPERATIONS)) {
  const calls = await counted(operation)
  const total = { functions: calls.length, calls: sumOf(calls) }
  const files = new Set(calls.map(({ file }) => file)).size
  const limit = LIMITS[name]
  const isOver = limit !== undefined && (total.functions > limit.functions || total.calls > limit.calls)
  failed ||= isOver
  const allowed = limit === undefined ? '' : ` (at most ${limit.functions} and ${limit.calls})`
  console.log(`${name}: ${total.functions} functions, ${total.calls} calls in ${files} files${allowed}`)
  if (!process.argv.includes('--files')) continue
  for (const { file, name: own, calls: times } of calls)
    console.log(`  ${String(times).padStart(3)}  ${file}  ${own}`)
}
await Promise.all([cache.close(), other.cache.close()])
if (failed && process.argv.includes('--check')) process.exitCode = 1
