/** The package as it lies in a folder after `npm install`, on the oldest Node that it is for. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { kafkaCluster } from '../../services/gateway/index.ts'
import { startBroker, withoutKafka } from '../kafka/broker.ts'
import { produceByJava } from '../kafka/java.ts'
import { processClock } from '../processor-time.ts'
import { node20 } from '../runtime/older-node.ts'
import { project } from './project.ts'
import type { Project } from './project.ts'
import { sharedTarball } from './shared-package.ts'
import { COMMANDS } from '../../cli/commands.ts'

const MAX_PACKAGES = 8
const MAX_BYTES = 14_000_000
/** What a file takes on disk is a multiple of this. */
const BLOCK = 4096
/** Printing a version may take so long, in processor time; Node itself takes 40 of them where nothing else runs. */
const VERSION_MS = 200
/** A machine under load counts more for the same: caches are cold. */
const MARGIN = 2

let node: string
let home: Project
beforeAll(async () => {
  node = await node20()
  home = await project({ 'package.json': '{ "private": true, "type": "module" }' })
  // Fails for a package that does not want this Node (EBADENGINE).
  await on20(
    'npm',
    'install',
    '--engine-strict',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    sharedTarball(),
  )
}, 300_000)
afterAll(() => home?.remove())

/** With Node 20 before all others on the path, also for what is a script of `env node`. */
const on20 = (program: string, ...args: readonly string[]): Promise<string> =>
  home.run('env', `PATH=${dirname(node)}:${process.env['PATH']}`, program, ...args)

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | object>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}
interface Bom {
  readonly metadata: { readonly component: { readonly 'bom-ref': string } }
  readonly components: readonly {
    readonly 'bom-ref': string
    readonly name: string
    readonly version: string
    readonly purl: string
    readonly properties: readonly { readonly value: string }[]
    readonly hashes: readonly unknown[]
    readonly licenses: readonly unknown[]
  }[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}
const manifest = async (): Promise<Manifest> =>
  JSON.parse(await readFile(join(home.folder, 'node_modules/kedge/package.json'), 'utf8')) as Manifest

/** Every file and folder below, with what it takes on disk. */
async function below(folder: string): Promise<{ readonly path: string; readonly bytes: number }[]> {
  const entries = await readdir(folder, { recursive: true })
  return Promise.all(
    ['', ...entries].map(async (entry) => {
      const path = join(folder, entry)
      const { size } = await lstat(path)
      return { path, bytes: Math.ceil(size / BLOCK) * BLOCK }
    }),
  )
}

describe('installed on Node 20, with engine-strict', { timeout: 120_000 }, () => {
  it('it is few packages and little on disk', async () => {
    const all = await below(join(home.folder, 'node_modules'))
    const packages = all.filter(({ path }) => /node_modules\/(?:@[^/]+\/)?[^/@.]+\/package\.json$/.test(path))
    const bytes = all.reduce((sum, each) => sum + each.bytes, 0)
    expect(packages.length).toBeLessThanOrEqual(MAX_PACKAGES)
    expect(packages.length).toBeGreaterThan(1)
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES)
  })

  it('fixes of what it depends on reach its users, and no new major of it does', async () => {
    const { dependencies, peerDependencies } = await manifest()
    for (const range of Object.values(dependencies)) expect(range).toMatch(/^\^\d/)
    for (const range of Object.values(peerDependencies))
      expect(range).toMatch(/^\^\d[\d.]*(?: \|\| \^\d[\d.]*)*$/)
  })

  it('each subpath can be imported, or names the optional package that it is for', async () => {
    const { exports, peerDependencies } = await manifest()
    const subpaths = Object.keys(exports).filter((subpath) => typeof exports[subpath] !== 'string')
    await home.write(
      'all.js',
      `for (const subpath of ${JSON.stringify(subpaths)})
         console.log(subpath, await import('kedge' + subpath.slice(1)).then((it) => Object.keys(it).length, (error) => error.message))`,
    )
    const told = (await on20('node', 'all.js')).split('\n').map((line) => line.split(/ (.*)/))
    expect(told.map(([subpath]) => subpath)).toEqual(subpaths)
    const failed = new Map(told.filter(([, rest]) => !(Number(rest) > 0)).map(([name, why]) => [name, why]))
    expect([...failed.keys()]).toEqual([
      './adapters/messagepack',
      './adapters/undici',
      './adapters/cachified',
    ])
    for (const why of failed.values())
      expect(Object.keys(peerDependencies).some((name) => why?.includes(`'${name}'`))).toBe(true)
  })

  it('holds the licence of each package whose code is in it, and no path of the machine that built it', async () => {
    const dist = join(home.folder, 'node_modules/kedge/dist')
    const notices = await readFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), 'utf8')
    for (const name of [
      '@platformatic/kafka',
      '@platformatic/wasm-utils',
      'ajv',
      'commander',
      'hono',
      '@hono/node-server',
      'preact',
      'uplot',
    ])
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
    expect(notices.match(/Permission is hereby granted|Apache License/g)!.length).toBeGreaterThan(5)
    for (const { path } of await below(dist))
      if (/\.(?:js|ts|txt|toml)$/.test(path))
        expect(await readFile(path, 'utf8'), path).not.toContain('/node_modules/.')
  })

  it('lists what it installs and what is in it, each with version, licence and hash', async () => {
    const dist = join(home.folder, 'node_modules/kedge/dist')
    const bom = JSON.parse(await readFile(join(dist, 'sbom.cdx.json'), 'utf8')) as Bom
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.5',
      metadata: { component: { name: 'kedge', purl: expect.stringMatching(/^pkg:npm\/kedge@/) } },
    })
    // The same commit makes the same file.
    expect(JSON.stringify(bom)).not.toMatch(/timestamp|serialNumber/)
    const placed = (place: string) =>
      bom.components.filter(({ properties }) => properties[0]!.value === place).map(({ name }) => name)
    expect(placed('installed').toSorted()).toEqual(Object.keys((await manifest()).dependencies).toSorted())
    const notices = await readFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), 'utf8')
    const bundled = [...notices.matchAll(/^-{80}\n(\S+) (\S+) \(/gm)].map(
      ([, name, version]) => `${name}@${version}`,
    )
    expect(bundled.length).toBeGreaterThan(5)
    const refs = bom.components.map((each) => each['bom-ref'])
    expect(refs).toEqual(expect.arrayContaining(bundled))
    expect(refs).toHaveLength(bundled.length + placed('installed').length)
    for (const { name, version, purl, hashes, licenses } of bom.components) {
      expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`)
      expect(hashes).toMatchObject([{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }])
      expect(licenses.length).toBeGreaterThan(0)
    }
    for (const { ref, dependsOn } of bom.dependencies)
      for (const each of [ref, ...dependsOn])
        expect([...refs, bom.metadata.component['bom-ref']]).toContain(each)
  })

  it('no declaration refers to what is missing', async () => {
    for (const { path } of await below(join(home.folder, 'node_modules/kedge/dist')))
      if (path.endsWith('.d.ts'))
        expect(await readFile(path, 'utf8'), path).not.toMatch(/from '(?:@platformatic|@hono|commander)/)
  })
})

describe('its types', { timeout: 120_000 }, () => {
  const LIB = ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable']

  it.each([
    '.',
    './testing',
    './adapters/gateway',
    './adapters/confluent',
    './adapters/upstash',
    './loader',
    './persister',
    './sync',
    './lambda',
    './worker/cloudflare',
    './worker/cloudflare-otlp',
    './worker/tail',
    './adapters/otlp',
  ])('of %s are whole with nothing installed beside it, and every declaration checked', async (subpath) => {
    const folder = `types${subpath.replaceAll(/\W/g, '-')}`
    const compilerOptions = {
      target: 'es2022',
      lib: LIB,
      types: [],
      module: 'nodenext',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    }
    await home.write(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['main.ts'] }))
    await home.write(`${folder}/main.ts`, `export * as all from '${subpath.replace('.', 'kedge')}'\n`)
    await home.run('tsc', '-p', folder)
  })
})

describe('its command, on Node 20', { timeout: 120_000 }, () => {
  const MAIN = 'node_modules/kedge/dist/cli/main.js'

  /** Milliseconds of processor time that Node took for it: a shell has waited for it, and so has its time. */
  async function computed(...args: readonly string[]): Promise<number> {
    const shell = spawn('sh', ['-c', '"$@" > /dev/null; echo done; read -r _', 'sh', node, ...args], {
      cwd: home.folder,
    })
    onTestFinished(() => void shell.kill())
    const clock = processClock(shell.pid!)
    await once(shell.stdout, 'data')
    return clock()
  }

  it.each(['--version', '--help'])('%s takes little more time than Node itself', async (flag) => {
    expect(await computed(MAIN, flag)).toBeLessThan(VERSION_MS * MARGIN)
  })

  it.each(['--version', '--help'])('%s loads no schemas, no adapter and no client', async (flag) => {
    await home.write(
      'hooks.mjs',
      'export async function load(url, context, next) { console.error("LOADED " + url); return next(url, context) }',
    )
    await home.write(
      'register.mjs',
      "import { register } from 'node:module'\nregister('./hooks.mjs', import.meta.url)",
    )
    const told = await on20('sh', '-c', `node --import ./register.mjs ${MAIN} ${flag} 2>&1`)
    const loaded = [...told.matchAll(/LOADED file:\/\/(\S+)/g)].map(([, path]) => path!)
    expect(loaded.length).toBeGreaterThan(2)
    expect(loaded.length).toBeLessThanOrEqual(10)
    expect(loaded.filter((path) => /\/zod\/|\/vendor\/|\/quick-lru\//.test(path))).toEqual([])
  })

  it('gateway has its live page with it, built', async () => {
    const gateway = spawn(node, [MAIN, 'gateway', '--port', '0'], {
      cwd: home.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void gateway.kill('SIGKILL'))
    let said = ''
    gateway.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    const url = await vi.waitUntil(() => /watch +(http:\S+)/.exec(said)?.[1], { timeout: 60_000 })
    const page = await fetch(url)
    expect(page.status).toBe(200)
    const html = await page.text()
    expect(html).toContain('Evictions as they come')
    expect(html).toContain('leeoniya/uPlot')
    expect((await fetch(`${url}/state`)).status).toBe(200)
  })

  it.each(Object.keys(COMMANDS))(
    '%s is there, and says of itself what the list of commands says',
    async (name) => {
      const flat = (text: string) => text.replaceAll(/\s+/g, ' ')
      const list = flat(await on20('npx', 'kedge', '--help'))
      const own = flat(await on20('npx', 'kedge', name, '--help'))
      const { says } = COMMANDS[name]!
      expect(list).toContain(`${name} ${says}`)
      expect(own).toContain(says)
    },
  )
})

describe.skipIf(withoutKafka())('its gateway, on Node 20 and a real Kafka', { timeout: 300_000 }, () => {
  const COUNT = 50
  const CODECS = ['none', 'gzip', 'snappy', 'lz4']

  it('makes topics, reads what Java has compressed, takes evictions and shows them', async () => {
    const broker = await startBroker()
    onTestFinished(() => broker.stop())
    const kedge = (...args: string[]) => on20('npx', 'kedge', ...args)
    const brokers = ['--brokers', broker.bootstrap]
    expect(await kedge('topics', 'create', ...brokers)).toContain('cache-evictions')
    expect(await kedge('topics', 'check', ...brokers)).toContain('no problems')
    const cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    for (const codec of CODECS) await cluster.createTopic(`by-${codec}`, { partitions: 1 })
    await cluster.close()
    await produceByJava(
      broker.bootstrap,
      COUNT,
      CODECS.map((codec) => `by-${codec}:${codec}`),
    )

    const gateway = spawn(
      node,
      ['node_modules/kedge/dist/cli/main.js', 'gateway', '--port', '0', '--open', ...brokers],
      {
        cwd: home.folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    onTestFinished(() => void gateway.kill('SIGKILL'))
    let said = ''
    gateway.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    const url = await vi.waitUntil(() => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0], { timeout: 60_000 })

    for (const codec of CODECS) {
      const answer = await fetch(
        `${url}/topics/by-${codec}/partitions/0/records?offset=0&timeout=1000&max_bytes=1000000`,
        {
          headers: { accept: 'application/vnd.kafka.binary.v2+json' },
        },
      )
      const records = (await answer.json()) as { key: string; offset: number }[]
      expect(
        records.map(({ key }) => Buffer.from(key, 'base64').toString()),
        codec,
      ).toEqual(Array.from({ length: COUNT }, (_, n) => `key-${n}`))
    }
    expect(await kedge('evict', 'users', '--key', '7', '--url', url)).toMatch(/^k1\.0-\d+$/)
    expect(await kedge('tail', '--url', url)).toMatch(/evict {2}users {2}key 7/)
    const over = once(gateway, 'close')
    gateway.kill('SIGTERM')
    expect((await over)[0]).toBe(0)
  })
})
