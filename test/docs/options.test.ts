/** docs/options.md has the options that there are, and no other. */
import { describe, expect, it } from 'vitest'
import { cacheSettings, namespaceSettings } from '../../src/api/settings.ts'
import { checkOptions, checkWriteOptions } from '../../src/api/option-schemas.ts'
import { loadSettings } from '../../src/api/load-settings.ts'
import { memory } from '../../src/testing/index.ts'
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
function isKnown(take: (options: object) => void, name: string): boolean {
  try {
    take({ [name]: Symbol(name) })
    return true
  } catch (error) {
    return !String(error).includes('unknown option')
  }
}

describe('the page of options', () => {
  it('has every option of a cache, and no other', () => {
    const [, table = '', below = ''] =
      /^(createCache|`createCache)[^\n]*\n([^]*)$/.exec(sectionOf('`createCache')) ?? []
    const text = table.length > below.length ? table : below
    const first = [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) => namesIn(cell))
    expect([...first, ...LIFETIME].toSorted()).toEqual(
      [...new Set([...fieldsOf('src/api/options.ts', 'CacheOptions'), ...LIFETIME])].toSorted(),
    )
    expect(text).toContain('`ttl`, `swr`, `staleIfError` and `jitter`')
    for (const name of first)
      expect([name, isKnown((o) => cacheSettings({ kafka: memory(), ...o }), name)]).toEqual([name, true])
    expect(isKnown((o) => cacheSettings({ kafka: memory(), ...o }), 'cats')).toBe(false)
  })

  it('has every option of a namespace, and no other', () => {
    const [list = ''] = sectionOf('`cache.namespace').split('\n\n').slice(1)
    const names = namesIn(list)
    for (const name of fieldsOf('src/api/options.ts', 'NamespaceOptions')) expect(names).toContain(name)
    for (const name of [...list.matchAll(/(?:^|, |and )`(\w+)/g)].map(([, each = '']) => each))
      expect([name, isKnown((o) => namespaceSettings(o, cache.namespace), name)]).toEqual([name, true])
  })

  it.each([
    ['getOrSet', (o: object) => loadSettings(o, namespace.load)],
    ['get', (o: object) => checkOptions(o, 'read')],
    ['set', (o: object) => checkWriteOptions(o, 'set')],
    ['setMany', (o: object) => checkOptions(o, 'many')],
    ['writeThrough', (o: object) => checkOptions(o, 'through')],
    ['writeBehind', (o: object) => checkOptions(o, 'behind')],
    ['delete', (o: object) => checkWriteOptions(o, 'delete')],
    ['invalidateTags', (o: object) => checkWriteOptions(o, 'evict')],
  ] as const)('has the options that %s takes, all of them and no other', (call, take) => {
    const row = sectionOf('A call')
      .split('\n')
      .find((line) => line.startsWith(`| \`${call}\``))
    const named = namesIn(row?.split('|')[2] ?? '')
    const all = [
      ...LIFETIME,
      'tags',
      'timeout',
      'hardTimeout',
      'via',
      'loaderWait',
      'after',
      'signal',
      'version',
      'domain',
      'intent',
      'maxPending',
    ]
    expect(named.toSorted()).toEqual(all.filter((name) => isKnown(take, name)).toSorted())
  })
})
