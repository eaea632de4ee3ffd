/** The alerts: Prometheus takes them, each is tested, each has an entry in the runbook, and asks for metrics that there are. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { KNOWN, metricsIn } from '../cli/metrics/documented.ts'
import { ROOT } from '../package/tarball.ts'
import { promtool, withoutPromtool } from '../store-servers/prometheus.ts'
import { ALERTS, RULES_FILE, TESTS_FILE } from './alert-rules.ts'

const RUNBOOK = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8')
const NAMES = ALERTS.map(({ name }) => name)

async function says(...args: readonly string[]): Promise<string> {
  const { file, env } = await promtool()
  const { stdout } = await promisify(execFile)(file, args, { env: { ...process.env, ...env } })
  return stdout
}

/** What each group of tests asks: at which minute, and how many alerts it awaits. */
const ASKED = readFileSync(TESTS_FILE, 'utf8')
  .split(/^ {2}- name: /m)
  .slice(1)
  .map((group) => ({
    alert: /^'?(\w+)/.exec(group)![1]!,
    asked: [...group.matchAll(/eval_time: (\d+)m,?\s+alertname: (\w+),?\s+exp_alerts:( \[\])?/g)].map(
      ([, minute, name, none]) => ({ minute: Number(minute), name, fires: none === undefined }),
    ),
  }))

describe('the alerts', () => {
  it('are read whole: each has a name of its own, an expression, a severity and its three annotations', () => {
    expect(NAMES.length).toBe(readFileSync(RULES_FILE, 'utf8').match(/- alert:/g)!.length)
    expect(new Set(NAMES).size).toBe(NAMES.length)
    for (const { name, expr, severity, annotations } of ALERTS) {
      expect([name, expr !== '']).toEqual([name, true])
      expect(['critical', 'warning'], name).toContain(severity)
      expect([name, Object.keys(annotations)]).toEqual([name, ['summary', 'description', 'runbook_url']])
      expect(annotations['runbook_url']).toBe(`docs/runbook.md#${name.toLowerCase()}`)
    }
  })

  it('are as many as docs/monitoring.md says', () => {
    expect(readFileSync(join(ROOT, 'docs/monitoring.md'), 'utf8')).toContain(`has ${NAMES.length} alerts,`)
  })

  it('have an entry in the runbook each, which says what it means, what to look at and what to do', () => {
    const entries = RUNBOOK.split(/^## /m).slice(1)
    // In the order of the rules.
    expect(entries.map((entry) => entry.split('\n', 1)[0])).toEqual(NAMES)
    for (const entry of entries)
      for (const part of ['**It means:**', '**Look at:**', '**Do:**'])
        expect([entry.split('\n', 1)[0], part, entry.includes(part)]).toContain(true)
  })

  it('ask for metrics that docs/metrics.md lists, and so does the runbook', () => {
    const unknown = (expr: string) => metricsIn(expr).filter((name) => !KNOWN.has(name))
    for (const { name, expr } of ALERTS) {
      expect([name, unknown(expr)]).toEqual([name, []])
      expect([name, metricsIn(expr).length > 0 || /\bup\b/.test(expr)]).toEqual([name, true])
    }
    // It also names a whole histogram.
    const named = metricsIn(RUNBOOK).filter((name) => !KNOWN.has(`${name}_bucket`))
    expect(unknown(named.join(' '))).toEqual([])
  })

  it('are tested each: silent before, firing, and silent again', () => {
    expect(new Set(ASKED.map(({ alert }) => alert))).toEqual(new Set(NAMES))
    for (const name of NAMES) {
      const [{ asked } = { asked: [] }] = ASKED.filter(({ alert }) => alert === name)
      expect([name, asked.map((each) => each.name)]).toEqual([name, asked.map(() => name)])
      const order = asked.toSorted((a, b) => a.minute - b.minute).map(({ fires }) => fires)
      expect([name, order.join(' ').replaceAll(/\b(\w+)(?: \1)+\b/g, '$1')]).toEqual([
        name,
        'false true false',
      ])
    }
  })
})

describe.skipIf(withoutPromtool() !== undefined)('promtool', { timeout: 300_000 }, () => {
  it('takes the rules', async () => {
    expect(await says('check', 'rules', RULES_FILE)).toContain(`SUCCESS: ${NAMES.length} rules found`)
  })

  it('finds that they do what their tests say', async () => {
    expect(await says('test', 'rules', TESTS_FILE)).toContain('SUCCESS')
  })

  it('finds each threshold and each time that was changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-rules-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const text = await readFile(RULES_FILE, 'utf8')
    const [head = '', ...groups] = (await readFile(TESTS_FILE, 'utf8')).split(/^(?= {2}- name: )/m)
    const survivors: string[] = []
    for (const { at, end, instead, alert } of changesOf(text)) {
      await writeFile(join(folder, basename(RULES_FILE)), text.slice(0, at) + instead + text.slice(end))
      const own = groups.filter((group) => /^ {2}- name: '?(\w+)/.exec(group)![1] === alert)
      const file = join(folder, basename(TESTS_FILE))
      await writeFile(file, head + own.join(''))
      const failed = await says('test', 'rules', file).then(
        () => false,
        (error: unknown) => String(error).includes('FAILED'),
      )
      if (!failed) survivors.push(`${alert}: ${text.slice(at, end)} → ${instead}`)
    }
    expect(survivors).toEqual([])
  })
})

interface Change {
  readonly at: number
  readonly end: number
  readonly instead: string
  readonly alert: string
}

/** Every number that something is compared with, so that it would not fire there, and every `for` twice as long. */
function changesOf(rules: string): readonly Change[] {
  const numbers = [...rules.matchAll(/(==|>|\*) (\d+(?:\.\d+)?)(?=[ )\n])/g)].map((found) => {
    const number = Number(found[2])
    // An equation is turned round; nothing rises by a million here.
    return { found, instead: found[1] === '==' ? 1 - number : number === 0 ? 1_000_000 : number * 1.5 }
  })
  const times = [...rules.matchAll(/^ {8}(for:) (\d+)/gm)].map((found) => ({
    found,
    instead: Number(found[2]) * 2,
  }))
  expect([numbers.length, times.length]).toEqual([
    rules.match(/(?:==|>|\*) [\d.]/g)!.length,
    rules.match(/ for: /g)!.length,
  ])
  return [...numbers, ...times].map(({ found, instead }) => {
    const end = found.index + found[0].length
    const alert = rules
      .slice(0, end)
      .match(/- alert: (\w+)/g)!
      .at(-1)!
      .slice('- alert: '.length)
    return { at: end - found[2]!.length, end, instead: `${instead}`, alert }
  })
}
