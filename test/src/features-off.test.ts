/** What a program does not import it does not ship: which files are in the bundle of a program, by esbuild's account. */
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SUBPATHS = {
  kedge: 'src/index.ts',
  'kedge/tier': 'src/tier/index.ts',
  'kedge/replicate': 'src/replicate/index.ts',
  'kedge/write-paths': 'src/write-paths/index.ts',
  'kedge/loader-client': 'src/loader-client/index.ts',
  'kedge/signing': 'src/signing/index.ts',
  'kedge/messages': 'src/wire/index.ts',
  'kedge/testing': 'src/testing/index.ts',
}
/** What belongs to features: their rooms, and the look back, which only some of them need. */
const OF_FEATURES =
  /^src\/(?:tier|replicate|write-paths|loader-client|signing)\/|^src\/coherence\/look-back\.ts$/

/** The files of this program that its bundle has code of. */
async function shipped(program: string): Promise<readonly string[]> {
  const { metafile } = await build({
    stdin: { contents: program, resolveDir: ROOT },
    absWorkingDir: ROOT,
    alias: Object.fromEntries(Object.entries(SUBPATHS).map(([name, file]) => [name, `./${file}`])),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const [output] = Object.values(metafile.outputs)
  return Object.entries(output!.inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => file)
}

/** Those of them that belong to features: of a room, its name. */
async function roomsIn(program: string): Promise<readonly string[]> {
  const files = await shipped(program)
  // The program is one that runs: it has the cache, which is what features must not come with by themselves.
  expect(files).toContain('src/cache.ts')
  const rooms = files
    .filter((file) => OF_FEATURES.test(file))
    .map((file) => file.replace(/^src\/([^/]+)\/.*/, '$1'))
  return [...new Set(rooms)].toSorted()
}

const CORE = "import { createCache } from 'kedge'\n"
const MAKE = 'globalThis.cache = createCache({ kafka: globalThis.kafka, use: [] })\n'
const SPACE = "globalThis.users = cache.namespace('users')\n"

describe('the bundle of a program', () => {
  it('that uses no feature has nothing of any', async () => {
    expect(await roomsIn(CORE + MAKE)).toEqual([])
  })

  it('that only reads messages has no cache', async () => {
    const files = await shipped("import { readEviction } from 'kedge/messages'\nconsole.log(readEviction)")
    expect(files).toContain('src/wire/read-eviction.ts')
    expect(
      files.filter((file) => file.startsWith('src/') && !/^src\/(?:wire|ports|runtime)\//.test(file)),
    ).toEqual([])
  })

  // `coherence` stands for the look back alone.
  it.each([
    ['sharedTier', 'kedge/tier', 'sharedTier(globalThis.tier)', ['coherence', 'tier']],
    ['replicate', 'kedge/replicate', 'replicate()', ['replicate']],
    ['prewarm', 'kedge/replicate', 'prewarm(cache)', ['coherence', 'replicate']],
    ['writeIntents', 'kedge/write-paths', 'writeIntents()', ['coherence', 'write-paths']],
    ['setMany', 'kedge/write-paths', 'setMany(users, { a: 1 })', ['write-paths']],
    ['writeThrough', 'kedge/write-paths', "writeThrough(users, 'a', 1, () => undefined)", ['write-paths']],
    ['writeBehind', 'kedge/write-paths', "writeBehind(users, 'a', 1)", ['write-paths']],
    ['viaLoader', 'kedge/loader-client', 'viaLoader(() => 1)', ['loader-client']],
    ['signed', 'kedge/signing', 'signed(globalThis.kafka, globalThis.options)', ['signing']],
  ])('that uses %s has what belongs to it, and nothing of the others', async (name, subpath, call, rooms) => {
    const program = `${CORE}import { ${name} } from '${subpath}'\n${MAKE}${SPACE}globalThis.done = ${call}`
    expect(await roomsIn(program)).toEqual(rooms)
  })

  it('that uses one of the ways of writing has nothing of the others', async () => {
    const program = (name: string) =>
      `${CORE}import { ${name} } from 'kedge/write-paths'\n${MAKE}globalThis.done = ${name}`
    const own = {
      setMany: 'src/write-paths/set-many.ts',
      writeThrough: 'src/write-paths/write-through.ts',
      writeBehind: 'src/write-paths/write-behind.ts',
      writeIntents: 'src/write-paths/intents-feature.ts',
    }
    for (const [name, file] of Object.entries(own)) {
      const files = await shipped(program(name))
      expect(Object.values(own).filter((each) => files.includes(each))).toEqual([file])
    }
  })
})
