/** docs/options.md has the options that there are, and no other. */
import { describe, expect, it } from 'vitest'
import { cacheSettings, namespaceSettings } from '../../src/api/settings.ts'
import { checkOptions, checkWriteOptions } from '../../src/api/option-schemas.ts'
import { loadSettings } from '../../src/api/load-settings.ts'
import { createCache } from '../../src/index.ts'
import { viaLoader } from '../../src/loader-client/index.ts'
import { prewarm, replicate } from '../../src/replicate/index.ts'
import { signed } from '../../src/signing/index.ts'
import { memory, memoryTier } from '../../src/testing/index.ts'
import { sharedTier } from '../../src/tier/index.ts'
import { setMany, writeBehind, writeIntents, writeThrough } from '../../src/write-paths/index.ts'
import { pageAt, sourceOf } from './page.ts'

const page = pageAt('docs/options.md').text
const cache = cacheSettings({ kafka: memory() })
const namespace = cache.namespace

function sectionOf(heading: string): string {
  const section = page.split(/^## /m).find((each) => each.startsWith(heading))
  if (section === undefined) throw new Error(`docs/options.md has no ${heading}`)
  return section
}

/** Of names in backticks that could be options. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/`([a-z][A-Za-z]*)(?::[^`]*|\([^`]*)?`/g)].map(([, name = '']) => name)

/** Fields of an interface, as its source has them. */
function fieldsOf(path: string, name: string): string[] {
  const body = new RegExp(String.raw`^export interface ${name}\b[^{]*\{\n([^]*?)^\}`, 'm').exec(
    sourceOf(path),
  )?.[1]
  if (body === undefined) throw new Error(`${path} has no ${name}`)
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field)
}

const LIFETIME = ['ttl', 'swr', 'staleIfError', 'jitter']

/** A value that nothing takes: what is complained of is either the value or the name. */
async function isKnown(take: (options: object) => unknown, name: string): Promise<boolean> {
  try {
    await take({ [name]: Symbol(name) })
    return true
  } catch (error) {
    return !/unknown option|is not an option of/.test(String(error))
  }
}

/** Of the names, those that are options. */
async function knownOf(take: (options: object) => unknown, names: readonly string[]): Promise<string[]> {
  const known = await Promise.all(names.map((name) => isKnown(take, name)))
  return names.filter((_, at) => known[at])
}

/** The rows of the table that a heading of the third rank begins, as their first cells. */
function firstCellsUnder(heading: string): string[] {
  const section = page.split(/^### /m).find((each) => each.startsWith(heading))
  if (section === undefined) throw new Error(`docs/options.md has no ${heading}`)
  return [...section.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) => namesIn(cell))
}

/** All that any call takes. */
const ALL = [
  ...LIFETIME,
  'tags',
  'timeout',
  'hardTimeout',
  'after',
  'signal',
  'version',
  'domain',
  'intent',
  'maxPending',
  'wait',
  'maxRecords',
  'maxBytes',
  'budget',
]

describe('the page of options', () => {
  it('has every option of a cache, and no other', async () => {
    const [, table = '', below = ''] =
      /^(createCache|`createCache)[^\n]*\n([^]*)$/.exec(sectionOf('`createCache')) ?? []
    const text = table.length > below.length ? table : below
    const first = [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) => namesIn(cell))
    expect([...first, ...LIFETIME].toSorted()).toEqual(
      [...new Set([...fieldsOf('src/api/options.ts', 'CacheOptions'), ...LIFETIME])].toSorted(),
    )
    expect(text).toContain('`ttl`, `swr`, `staleIfError` and `jitter`')
    for (const name of first)
      expect([name, await isKnown((o) => cacheSettings({ kafka: memory(), ...o }), name)]).toEqual([
        name,
        true,
      ])
    expect(await isKnown((o) => cacheSettings({ kafka: memory(), ...o }), 'cats')).toBe(false)
  })

  it('has every option of a namespace, and no other', async () => {
    const [list = ''] = sectionOf('`cache.namespace').split('\n\n').slice(1)
    const names = namesIn(list)
    for (const name of fieldsOf('src/api/options.ts', 'NamespaceOptions')) expect(names).toContain(name)
    for (const name of [...list.matchAll(/(?:^|, |and )`(\w+)/g)].map(([, each = '']) => each))
      expect([name, await isKnown((o) => namespaceSettings(o, cache.namespace), name)]).toEqual([name, true])
  })

  it.each([
    ['sharedTier', 'src/tier/settings.ts', 'SharedTierOptions', (o: object) => sharedTier(memoryTier(), o)],
    ['replicate', 'src/replicate/index.ts', 'ReplicateOptions', replicate],
    ['writeIntents', 'src/write-paths/intents-feature.ts', 'WriteIntentsOptions', writeIntents],
    ['signed', 'src/signing/signatures.ts', 'SignOptions', (o: object) => signed(memory(), o as never)],
  ] as const)('has every option of the feature %s, and no other', async (feature, path, type, take) => {
    const names = firstCellsUnder(`\`${feature}(`)
    expect(names.toSorted()).toEqual(fieldsOf(path, type).toSorted())
    expect(await knownOf(take, [...names, 'cats'])).toEqual(names)
  })

  it.each([
    ['getOrSet', (o: object) => loadSettings(o, namespace.load)],
    ['get', (o: object) => checkOptions(o, 'read')],
    ['set', (o: object) => checkWriteOptions(o, 'set')],
    ['delete', (o: object) => checkWriteOptions(o, 'delete')],
    ['invalidateTags', (o: object) => checkWriteOptions(o, 'evict')],
  ] as const)('has the options that %s takes, all of them and no other', async (call, take) => {
    const row = sectionOf('A call')
      .split('\n')
      .find((line) => line.startsWith(`| \`${call}\``))
    const named = namesIn(row?.split('|')[2] ?? '')
    expect(named.toSorted()).toEqual((await knownOf(take, ALL)).toSorted())
  })

  it.each([
    ['viaLoader', (o: object) => viaLoader(async () => 1, o)],
    ['prewarm', (o: object) => prewarm(createCache({ kafka: memory() }), o)],
    ['setMany', (o: object) => setMany(rows(), { 7: 1 }, o)],
    ['writeThrough', (o: object) => writeThrough(rows(), '7', 1, () => undefined, o)],
    ['writeBehind', (o: object) => writeBehind(rows(), '7', 1, o)],
  ] as const)('has the options that the function %s takes, all of them and no other', async (call, take) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${call}(`))
    const named = namesIn(row?.split('|')[3] ?? '').filter((name) => ALL.includes(name))
    expect(named.toSorted()).toEqual((await knownOf(take, ALL)).toSorted())
  })
})

/** Rows that may be written through and behind. */
const rows = () => createCache({ kafka: memory(), use: [writeIntents()] }).namespace<number>('rows')
