/** The list of adapters, held to every place that names one: none may be in one place alone. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ADAPTERS, REST_PROXIES } from '../../adapters/manifest.ts'
import type { Adapter, RestProxy } from '../../adapters/manifest.ts'
import { FLAVORS } from '../../adapters/kafka/kafka-rest/recognition.ts'
import { flavor } from '../../cli/settings/proxy.ts'
import { SUBPATHS } from '../../tools/subpaths.ts'
import { SUITES } from '../conformance/suites.ts'

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const jsonOf = (path: string) => JSON.parse(textOf(path)) as Record<string, Record<string, unknown>>
const ofAdapters = (entries: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(entries).filter(([path]) => path.startsWith('./adapters/')))

/** A value for each adapter, at its subpath. */
const bySubpath = (valueOf: (adapter: Adapter) => unknown) =>
  Object.fromEntries(ADAPTERS.map((adapter) => [`./adapters/${adapter.name}`, valueOf(adapter)]))

const manifest = jsonOf('package.json')
const flavors = (isWanted: (proxy: RestProxy) => boolean = () => true) =>
  REST_PROXIES.flatMap((proxy) => (proxy.flavor !== undefined && isWanted(proxy) ? [proxy.flavor] : []))

/** The cells of a table's rows, below a heading. */
function tableOf(path: string, heading: string): string[][] {
  const section = `\n${textOf(path)}`.split(`\n${heading}\n`)[1] ?? expect.fail(`${path} has no ${heading}`)
  const [table = ''] = /(?:^\|.*\n)+/m.exec(section) ?? []
  const [, , ...rows] = table.trimEnd().split('\n')
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** What several adapters of a room share, beside their own folders. */
const SHARED = ['adapters/frameworks/deferred-fill.ts']

describe('the list of adapters', () => {
  it('is what package.json exports', () => {
    const built = (source: string) => `./dist/${source.replace(/\.ts$/, '')}`
    expect(ofAdapters(manifest['exports']!)).toEqual(
      bySubpath(({ source }) => ({ types: `${built(source)}.d.ts`, default: `${built(source)}.js` })),
    )
  })

  it('is what JSR gets', () => {
    expect(ofAdapters(jsonOf('jsr.json')['exports']!)).toEqual(bySubpath(({ source }) => `./${source}`))
  })

  it('is what has a largest size', () => {
    expect(Object.keys(ofAdapters(SUBPATHS)).toSorted()).toEqual(Object.keys(bySubpath(String)).toSorted())
  })

  it('is what knip takes for entries', () => {
    const entries = (jsonOf('knip.json')['entry'] as unknown as string[]).filter((entry) =>
      entry.startsWith('adapters/'),
    )
    const root = new URL('../..', import.meta.url).pathname
    expect(globSync(entries, { cwd: root }).toSorted()).toEqual(
      ADAPTERS.map(({ source }) => source).toSorted(),
    )
  })

  it('is every module at the top of a room of adapters, but for what several share', () => {
    const root = new URL('../..', import.meta.url).pathname
    const modules = globSync(
      'adapters/{kafka,stores,frameworks,transport,codecs,metrics,sharing,logs,telemetry}/*.ts',
      {
        cwd: root,
      },
    )
    expect(modules.toSorted()).toEqual([...ADAPTERS.map(({ source }) => source), ...SHARED].toSorted())
  })

  it('names the packages that are optional peers, and no other; the worker has Hono', () => {
    const peers = [...ADAPTERS.flatMap((adapter) => adapter.peers), 'hono'].toSorted()
    expect(Object.keys(manifest['peerDependencies']!).toSorted()).toEqual(peers)
    expect(Object.keys(manifest['peerDependenciesMeta']!).toSorted()).toEqual(peers)
  })

  it('has the flavors of the command line and of kafkaRest()', () => {
    const [, choices = ''] = /one of (.*)$/.exec(flavor.says) ?? []
    expect(choices.split(', ').toSorted()).toEqual(flavors().toSorted())
    expect([...FLAVORS].toSorted()).toEqual(flavors(({ recognised }) => recognised).toSorted())
    const documented = /`flavor` \(([^)]*)\)/.exec(textOf('docs/cli.md'))?.[1] ?? ''
    expect([...documented.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name).toSorted()).toEqual(
      flavors().toSorted(),
    )
  })

  it('says of the gateway and the proxies what the suites over the gateway expect', () => {
    const of = (name: string) => REST_PROXIES.find((proxy) => proxy.flavor === name)?.capabilities
    expect(of('gateway')).toEqual(SUITES.stateless.capabilities)
    expect(of('confluent')).toEqual(SUITES.instances.capabilities)
  })
})

describe.each(ADAPTERS)('$name', ({ name, factories, test, page, load, proxies, source }) => {
  it('exports its factories, and errors', async () => {
    const functions = Object.entries(await load()).filter(
      ([, value]) => typeof value === 'function' && !(value.prototype instanceof Error),
    )
    const made = functions.map(([each]) => each).filter((each) => !each.endsWith('Failure'))
    expect(made.toSorted()).toEqual(Object.keys(factories).toSorted())
  })

  it('is tested, by the contract of what it makes where there is one', () => {
    const text = textOf(test)
    for (const [factory, kind] of Object.entries(factories)) {
      if (kind === 'connection') continue
      expect([factory, text.includes(`${factory}(`)]).toEqual([factory, true])
      const suite = { log: 'logSuite(', tier: 'tierSuite(', sink: 'sinkSuite(' }[kind as string]
      if (suite !== undefined) expect([suite, text.includes(suite)]).toEqual([suite, true])
    }
  })

  it('is named by the page that has its options', () => {
    expect(existsSync(new URL(`../../${page}`, import.meta.url))).toBe(true)
    for (const factory of Object.keys(factories)) expect(textOf(page)).toContain(`${factory}(`)
  })

  it('is of a log where it has proxies', () => {
    expect(proxies !== undefined).toBe(source.startsWith('adapters/kafka/'))
    expect(Object.values(factories).includes('log')).toBe(proxies !== undefined)
    for (const { call } of proxies ?? []) expect(call).toContain(Object.keys(factories)[0]!)
    expect(name).toMatch(/^[a-z-]+$/)
  })
})

describe('the tables of the docs', () => {
  const calls = (rows: readonly string[][]) => rows.map(([, call = '']) => call.replaceAll('`', ''))
  const sorted = (words: readonly string[]) => words.toSorted()
  const readme = tableOf('README.md', '## Ways to Kafka')
  const page = tableOf('docs/adapters.md', '# Adapters')
  const rowOf = (rows: readonly string[][], of: string) => rows.find((_, at) => calls(rows)[at] === of)

  it('have a row for each proxy, and no other', () => {
    const all = REST_PROXIES.map(({ call }) => call)
    expect(sorted(calls(readme))).toEqual(sorted(all))
    expect(sorted(calls(page))).toEqual(sorted(all.filter((call) => !call.startsWith('kafkaRest'))))
  })

  it.each(REST_PROXIES)('say of $call what its log says', async ({ proxy, call, capabilities, open }) => {
    const row = rowOf(readme, call)!
    expect(row[0]).toMatch(new RegExp(`^${proxy}`))
    if (!call.startsWith('kafkaRest')) expect(rowOf(page, call)![0]).toMatch(new RegExp(`^${proxy}`))
    if (!capabilities) return
    const log = await open!({ url: 'https://proxy.test' })
    expect(log.capabilities).toEqual(capabilities)
    const { longPoll, identity, readCommitted } = capabilities
    const cells = [longPoll, identity, readCommitted].map((can) => (can ? 'yes' : 'no'))
    // Upstash's API names its log where the gateway speaks it.
    const told = row.slice(2, 5).map((cell) => (cell === 'gateway' ? 'no' : cell))
    expect(told).toEqual(cells)
  })

  it('say of each adapter what it can do', () => {
    const rows = tableOf('docs/adapters.md', '## What each can do')
    const names = rows.map(([name = '']) => name.replaceAll('`', ''))
    const known = REST_PROXIES.filter(({ capabilities }) => capabilities !== undefined)
    expect(sorted(names)).toEqual(sorted(known.map((proxy) => proxy.flavor ?? '')))
    for (const { flavor: of, capabilities, tombstones, alone } of known) {
      const row = rows[names.indexOf(of ?? '')]!
      const word = tombstones === 'refused' ? 'refused' : tombstones ? 'yes' : 'empty value instead'
      expect([of, row[2]]).toEqual([of, alone ? word : 'by `produce`'])
      const told = row.slice(5, 8).map((cell) => (cell === 'gateway' ? 'no' : cell))
      const { identity, longPoll, readCommitted } = capabilities!
      expect([of, ...told]).toEqual([
        of,
        ...[identity, longPoll, readCommitted].map((can) => (can ? 'yes' : 'no')),
      ])
    }
  })
})
