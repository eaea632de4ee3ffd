/** The image of deploy/docker, built and run as an orchestrator runs it. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { sharedTarball } from '../package/shared-package.ts'
import { ROOT } from '../package/tarball.ts'
import { buildImage, withoutBuildah } from './buildah.ts'
import type { BuiltImage } from './buildah.ts'

const NOBODY = 65_532

interface Running {
  /** The number of the process outside. */
  readonly pid: number
  readonly out: () => string
  readonly ended: Promise<number | string | null>
}

/**
 * The first process of its namespace, which gets no signal that it does not handle, on a root that is mounted read-only, as
 * the user of the image: what the runtime of a container does with `--read-only`.
 */
async function start({ root, config }: BuiltImage, args: readonly string[], says: string): Promise<Running> {
  const script =
    'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount -t proc proc "$1/proc" && shift && exec chroot "$@"'
  const inside = [config.User, root, 'env', '-i', ...config.Env, ...config.Entrypoint, ...args]
  const child: ChildProcess = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'sh', root, '--userspec', ...inside],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (out += text))
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal)),
  )
  await Promise.race([
    expect.poll(() => out, { timeout: 60_000 }).toContain(says),
    ended.then((code) => Promise.reject(new Error(`ended with ${code}: ${out}`))),
  ])
  const [inner] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  return { pid: Number(inner), out: () => out, ended }
}

const manifestOf = (path: string) =>
  JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as {
    readonly version: string
    readonly dependencies: Readonly<Record<string, string>>
    readonly peerDependencies: Readonly<Record<string, string>>
    readonly packages: Readonly<
      Record<string, { version: string; dependencies?: object; peerDependencies?: object }>
    >
  }

describe('what the image installs', () => {
  const lock = manifestOf('deploy/docker/package-lock.json').packages

  it('is kedge as it is here: its version, and what it depends on', () => {
    const { version, dependencies, peerDependencies } = manifestOf('package.json')
    const kedge = lock['node_modules/kedge']
    expect(kedge).toMatchObject({ version, dependencies })
    expect(kedge?.peerDependencies).toEqual(peerDependencies)
  })

  it('is known by its digest, but for kedge, which is made here', () => {
    const text = readFileSync(join(ROOT, 'deploy/docker/package-lock.json'), 'utf8')
    const packages = JSON.parse(text) as { packages: Record<string, { integrity?: string }> }
    const without = Object.entries(packages.packages).filter(([, { integrity }]) => integrity === undefined)
    expect(without.map(([path]) => path)).toEqual(['', 'node_modules/kedge'])
  })
})

const missing = withoutBuildah()

describe.skipIf(missing !== undefined)('the image', () => {
  let image: BuiltImage
  beforeAll(async () => {
    image = await buildImage(sharedTarball())
  }, 600_000)
  afterAll(() => image?.remove())

  it(
    'runs as the first process, not as root, on a root that it cannot write, and drains on SIGTERM',
    { timeout: 120_000 },
    async () => {
      const args = ['gateway', '--port', '0', '--drain', '2s']
      const { pid, out, ended } = await start(image, args, 'listening on')
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(out())![0]
      const produced = await fetch(`${url}/topics/cache-evictions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
        body: JSON.stringify({ records: [{ value: { v: 1, op: 'clear', ns: 'users' } }] }),
      })
      expect([produced.status, await produced.json()]).toMatchObject([200, { offsets: [{ offset: 0 }] }])

      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      expect(status).toMatch(new RegExp(`^Uid:\\s+${NOBODY}\\s+${NOBODY}\\s`, 'm'))
      expect(status).toMatch(/^NSpid:\s+\d+\s+1$/m)
      expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).toMatch(/^\S+ \S+ \S+ \S+ \/ ro[, ]/m)

      process.kill(pid, 'SIGTERM')
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503)
      // It drains: what comes meanwhile is still answered.
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      expect(await ended).toBe(0)
    },
  )

  it(
    'waits in `serve` for a gateway that is not there, and ends at once on SIGTERM',
    { timeout: 120_000 },
    async () => {
      const args = ['serve', '--open', '--port', '0', '--listen', '0', '--url', 'http://127.0.0.1:9']
      const { pid, ended } = await start(image, args, 'kedge serve waits for the log')
      process.kill(pid, 'SIGTERM')
      expect(await ended).toBe(0)
    },
  )

  it('says what stands in it', () => {
    const bom = JSON.parse(readFileSync(join(image.root, 'app/sbom.cdx.json'), 'utf8')) as {
      bomFormat: string
      components: { name: string; version: string }[]
    }
    expect(bom.bomFormat).toBe('CycloneDX')
    const installed = globSync('app/node_modules/{*,@*/*}/package.json', { cwd: image.root }).map((path) => {
      const { name, version } = JSON.parse(readFileSync(join(image.root, path), 'utf8')) as {
        name: string
        version: string
      }
      return `${name}@${version}`
    })
    expect(installed.length).toBeGreaterThan(8)
    expect(bom.components.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual(
      installed.toSorted(),
    )
    expect(existsSync(join(image.root, 'app/node_modules/kedge/dist/sbom.cdx.json'))).toBe(true)
    expect(existsSync(join(image.root, 'app/kedge.tgz'))).toBe(false)
  })

  it('has undici, so that serve sends its requests over it, and the clients of both stores', () => {
    for (const name of ['undici', 'redis', 'memcache', '@msgpack/msgpack', '@upstash/kafka'])
      expect(existsSync(join(image.root, 'app/node_modules', name)), name).toBe(true)
  })
})
