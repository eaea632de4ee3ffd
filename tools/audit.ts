/**
 * `npm run audit`: fails where the registry knows an advisory that is high or critical for something that users get. What
 * only developers use is counted. Where the registry does not answer it says so, loudly, and passes.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { shippedFolders } from './shipped.ts'
import type { Lockfile } from './shipped.ts'

/** What `npm audit --json` writes (auditReportVersion 2). */
interface Report {
  readonly vulnerabilities?: Readonly<
    Record<
      string,
      {
        readonly severity: string
        readonly nodes: readonly string[]
        readonly via: readonly (string | { readonly title: string; readonly url: string })[]
      }
    >
  >
  /** Where the registry does not answer. */
  readonly message?: string
}

const PATIENCE_MS = 120_000
const FATAL: ReadonlySet<string> = new Set(['high', 'critical'])

const args = ['audit', '--json', '--package-lock-only', '--fetch-retries=1', '--fetch-timeout=30000']
const { stdout, error } = spawnSync('npm', args, {
  encoding: 'utf8',
  timeout: PATIENCE_MS,
  maxBuffer: 2 ** 26,
})
const report = parsed(stdout)
if (report?.vulnerabilities === undefined) {
  const why = error?.message ?? report?.message?.replace(/ - [A-Z]+ https?:\/\/.*$/, '') ?? 'no answer'
  console.error(`\nNOT AUDITED: the registry does not say what advisories it knows (${why}).\n`)
} else {
  const shipped = shippedFolders(JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lockfile)
  let others = 0
  let fatal = 0
  for (const [name, { severity, nodes, via }] of Object.entries(report.vulnerabilities)) {
    if (!nodes.some((node) => shipped.has(node))) {
      others++
      continue
    }
    if (FATAL.has(severity)) fatal++
    const why = via.map((each) => (typeof each === 'string' ? `by ${each}` : `${each.title} ${each.url}`))
    console.log(`${severity.padEnd(9)} ${name}: ${why.join('; ')}`)
  }
  console.log(`${shipped.size} packages that users get: ${fatal} with high or critical advisories.`)
  if (others > 0) console.log(`${others} packages that only developers use have advisories: npm audit`)
  if (fatal > 0) process.exitCode = 1
}

function parsed(text: string | null): Report | undefined {
  try {
    return JSON.parse(text ?? '') as Report
  } catch {
    return undefined
  }
}
