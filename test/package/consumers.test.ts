/**
 * The package in the hands of others: packed as npm publishes it, installed into empty folders, type-checked there, and
 * run with the README's own code against a gateway.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import { blocksOf, pageAt } from '../docs/page.ts'
import { commandsOf } from '../docs/shell-command.ts'
import { startIsolate } from '../worker/miniflare-isolate.ts'
import { project } from './project.ts'
import type { Project } from './project.ts'
import { sharedTarball } from './shared-package.ts'
import { storyOf, TOLD } from './story.ts'
import { tarball } from './tarball.ts'

const projects: Project[] = []
afterAll(async () => {
  await Promise.all(projects.map((each) => each.remove()))
})

const MODULE = '{ "private": true, "type": "module" }'
/** For a user without Node's types who has the compiler check every declaration. */
const strict = (lib: readonly string[], more: object = {}): string =>
  JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib,
      types: [],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      ...more,
    },
    files: ['main.ts'],
  })

async function made(files: Readonly<Record<string, string>>): Promise<Project> {
  const one = await project({ 'package.json': MODULE, ...files })
  projects.push(one)
  return one
}

/** As the README has it, with the tarball in the place of the name, which it says too. */
async function install(one: Project, ...more: readonly string[]): Promise<string> {
  const [line] = blocksOf(pageAt('README.md'), 'sh')
    .flatMap(commandsOf)
    .filter(({ words }) => words[1] === 'install')
  expect(line?.words).toContain('kedge')
  const words = line!.words.map((word) => (word === 'kedge' ? sharedTarball() : word))
  return one.run(words[0]!, ...words.slice(1), '--no-audit', '--no-fund', '--prefer-offline', ...more)
}

/** With a gateway of its own, whose address is put into the program. */
async function toldBy(program: (url: string) => Promise<string>): Promise<string> {
  const gateway = await startGateway()
  try {
    return await program(gateway.url)
  } finally {
    await gateway.close()
  }
}

const PRINT = '\nconsole.log(await story())\nawait cache.close()\n'

describe(
  'installed from the tarball into an empty folder, the code of the README',
  { timeout: 300_000 },
  () => {
    it('runs in Node, in TypeScript, and has no type errors without the types of Node', async () => {
      const one = await made({ 'tsconfig.json': strict(['es2022', 'dom']) })
      await install(one)
      const told = await toldBy(async (url) => {
        await one.write('main.ts', (await storyOf(JSON.stringify(url))) + PRINT)
        await one.run('tsc', '-p', '.')
        return one.run('node', 'main.ts')
      })
      expect(told).toBe(TOLD)
    })

    it('runs in Node, in plain JavaScript', async () => {
      const one = await made({})
      await install(one)
      const told = await toldBy(async (url) => {
        const source = (await storyOf(JSON.stringify(url))) + PRINT
        await one.write('main.js', stripTypeScriptTypes(source, { mode: 'transform' }))
        return one.run('node', 'main.js')
      })
      expect(told).toBe(TOLD)
    })

    it('runs in Deno, which checks its types', async () => {
      const one = await made({})
      await install(one)
      const told = await toldBy(async (url) => {
        await one.write('main.ts', (await storyOf(JSON.stringify(url))) + PRINT)
        await one.run('deno', 'check', 'main.ts')
        return one.run('deno', 'run', '--allow-net=127.0.0.1', 'main.ts')
      })
      expect(told).toBe(TOLD)
    })

    it('runs in Bun, which installs it itself', async () => {
      const one = await made({})
      await one.run('bun', 'add', sharedTarball())
      const told = await toldBy(async (url) => {
        await one.write('main.ts', (await storyOf(JSON.stringify(url))) + PRINT)
        return one.run('bun', 'run', 'main.ts')
      })
      expect(told).toBe(TOLD)
    })

    it('runs as a Worker, which wrangler bundles without nodejs_compat', async () => {
      const one = await made({
        'wrangler.toml': 'name = "mine"\nmain = "main.ts"\ncompatibility_date = "2026-06-01"\n',
        'tsconfig.json': strict(['es2022', 'webworker'], { module: 'esnext', moduleResolution: 'bundler' }),
      })
      await install(one)
      const told = await toldBy(async (url) => {
        const handler = 'export default { fetch: async () => new Response(await story()) }\n'
        await one.write(
          'main.ts',
          (await storyOf(JSON.stringify(url))).replace('export async', 'async') + handler,
        )
        await one.run('tsc', '-p', '.')
        await one.run('wrangler', 'deploy', '--dry-run', '--outdir', 'out')
        const isolate = await startIsolate(await readFile(join(one.folder, 'out/main.js'), 'utf8'))
        try {
          return await (await fetch(isolate.url)).text()
        } finally {
          await isolate.close()
        }
      })
      expect(told).toBe(TOLD)
    })

    it('runs as a function of Lambda, whose deferred work is done before it answers', async () => {
      const one = await made({ 'tsconfig.json': strict(['es2022', 'dom']) })
      await install(one)
      const told = await toldBy(async (url) => {
        const handler = `
import { withCache } from 'kedge/lambda'
export const handler = withCache(cache, async (_event: { readonly id: string }) => story())
`
        await one.write('main.ts', (await storyOf(JSON.stringify(url))) + handler)
        await one.run('tsc', '-p', '.')
        await one.write(
          'invoke.ts',
          "import { handler } from './main.ts'\nconsole.log(await handler({ id: '7' }))\n",
        )
        return one.run('node', 'invoke.ts')
      })
      expect(told).toBe(TOLD)
    })

    it('has its command: npx kedge', async () => {
      const one = await made({})
      await install(one)
      expect(await one.run('npx', 'kedge', '--help')).toContain('gateway')
    })
  },
)

describe('the package', { timeout: 300_000 }, () => {
  it('is the same, byte by byte, when it is built and packed again', async () => {
    const again = await tarball()
    const digest = async (path: string) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
    try {
      expect(await digest(again.path)).toBe(await digest(sharedTarball()))
    } finally {
      await again.remove()
    }
  })

  it('is on its way to its next version as its changesets say, on npm and on JSR alike', async () => {
    const here = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
    const one = await made({})
    for (const path of [
      'package.json',
      'jsr.json',
      'tools/jsr.ts',
      'tools/bundled.ts',
      '.changeset/config.json',
    ]) {
      await one.write(path, await here(path))
    }
    const { version } = JSON.parse(await here('package.json')) as { version: string }
    await one.write('.changeset/mended.md', "---\n'kedge': patch\n---\n\nMended.\n")
    await one.run('git', 'init', '--quiet', '--initial-branch=main')
    await one.run('changeset', 'version')
    await one.run('node', 'tools/jsr.ts', '--write')
    const after = async (path: string) => JSON.parse(await readFile(join(one.folder, path), 'utf8')) as object
    const [major, minor, patch] = version.split('.').map(Number)
    const next = `${major}.${minor}.${(patch ?? 0) + 1}`
    expect(await after('package.json')).toMatchObject({ name: 'kedge', version: next })
    expect(await after('jsr.json')).toMatchObject({ version: next })
    expect(await readFile(join(one.folder, 'CHANGELOG.md'), 'utf8')).toContain('Mended.')
  })
})
