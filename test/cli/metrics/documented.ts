/** The metrics that docs/metrics.md lists: test/cli/metrics.test.ts compares them with those that processes serve. */
import { readFileSync } from 'node:fs'

/** The processes, as the page calls them. */
export const NAMES = ['gateway', 'serve', 'sync', 'sync --tier', 'loader', 'persister'] as const

/** A row of its tables. */
interface Documented {
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
  readonly processes: readonly string[]
  readonly help: string
}

/** All of its rows. */
export const DOCUMENTED: readonly Documented[] = readFileSync(
  new URL('../../../docs/metrics.md', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter((line) => /^\| `[a-z_\d]+` +\| (?:counter|gauge|histogram) /.test(line))
  .map((line) => {
    const [name = '', type = '', labels = '', processes = '', help = ''] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''))
    return {
      name,
      type,
      labels: labels === '' ? [] : labels.split(', '),
      processes: processes === 'all' ? NAMES : processes.split(', '),
      help,
    }
  })

/** Of the sidecar alone: a cache in a program has none of these. */
export const OF_THE_SIDECAR: readonly string[] = [
  'kedge_serve_origin_up',
  'kedge_serve_request_duration_seconds',
]

/** Every name that Prometheus may be asked for: those of the page, and those of a cache in a program. */
export const KNOWN: ReadonlySet<string> = new Set(
  DOCUMENTED.flatMap(({ name, type }) => {
    const isShared = name.startsWith('kedge_serve_') && !OF_THE_SIDECAR.includes(name)
    const names = isShared ? [name, name.replace('kedge_serve_', 'kedge_cache_')] : [name]
    if (type !== 'histogram') return names
    return names.flatMap((each) => ['_bucket', '_sum', '_count'].map((suffix) => `${each}${suffix}`))
  }),
)

/** The metrics that an expression of PromQL names; `kedge_namespace` is a label. */
export const metricsIn = (expr: string): readonly string[] => [
  ...new Set(expr.match(/\b(?:kedge(?!_namespace\b)|kafka|nodejs|process)_\w+/g)),
]
