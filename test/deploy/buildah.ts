/**
 * The image, built by buildah. No base can be pulled in a test, so it stands on a root of Debian's packages with the
 * Node that is a package of npm, and npm finds what it installs in a cache that was filled before.
 */
import { execFile, spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { ROOT } from '../package/tarball.ts'

const run = promisify(execFile)

/** What Node and the shell of `RUN` need. */
const PACKAGES = [
  'base-files',
  'base-passwd',
  'coreutils',
  'dash',
  'libacl1',
  'libattr1',
  'libc6',
  'libgcc-s1',
  'libgmp10',
  'libpcre2-8-0',
  'libselinux1',
  'libstdc++6',
]
const BASE = 'localhost/kedge-node'
const IMAGE = 'localhost/kedge'

/** Why no image can be built here, also printed; `undefined` when it can. */
export function withoutBuildah(): string | undefined {
  const reason = buildahMissing()
  if (reason !== undefined) process.stderr.write(`\nNOT BUILT, the image of deploy/docker: ${reason}\n`)
  return reason
}

/** What buildah needs and this machine lacks. */
export function buildahMissing(): string | undefined {
  for (const tool of ['buildah', 'apt-get', 'dpkg-deb', 'unshare'])
    if (spawnSync(tool, ['--version']).error) return `${tool} is not here`
  return process.getuid?.() === 0 ? undefined : 'only root may unpack a root and change into it'
}

/** As OCI has it. */
interface ImageConfig {
  readonly User: string
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Cmd: readonly string[]
  readonly WorkingDir: string
}

export interface BuiltImage {
  readonly config: ImageConfig
  /** The files of the image. */
  readonly root: string
  remove(): Promise<void>
}

/** @param tarball the package as npm publishes it */
export async function buildImage(tarball: string): Promise<BuiltImage> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-image-'))
  const store = ['--storage-driver', 'vfs', '--root', join(folder, 'store'), '--runroot', join(folder, 'run')]
  const buildah = async (...args: readonly string[]) =>
    (await run('buildah', [...store, ...args], { maxBuffer: 2 ** 26 })).stdout.trim()
  const remove = async () => {
    await buildah('rm', '--all').catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const empty = await buildah('from', 'scratch')
    await buildah('copy', '--quiet', empty, await debianRoot(folder), '/')
    await buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', '--env', 'HOME=/root', empty)
    await buildah('commit', '--quiet', '--rm', empty, BASE)
    const context = join(folder, 'context')
    await cp(join(ROOT, 'deploy/docker'), context, { recursive: true })
    await cp(tarball, join(context, 'kedge-0.tgz'))
    const { cache, npmrc } = await filledCache(folder, context)
    await buildah(
      'bud',
      '--isolation',
      'chroot',
      '--pull-never',
      '--layers=false',
      '--tag',
      IMAGE,
      '--build-arg',
      `NODE_IMAGE=${BASE}`,
      '--volume',
      `${cache}:/npm-cache`,
      '--volume',
      `${npmrc}:/root/.npmrc:ro`,
      context,
    )
    const { OCIv1 } = JSON.parse(await buildah('inspect', '--type', 'image', IMAGE)) as {
      OCIv1: { config: ImageConfig }
    }
    const container = await buildah('from', '--pull-never', IMAGE)
    return { config: OCIv1.config, root: await buildah('mount', container), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function debianRoot(folder: string): Promise<string> {
  const [debs, root] = [join(folder, 'debs'), join(folder, 'root')]
  await mkdir(debs)
  await run('apt-get', ['-qq', 'download', ...PACKAGES], { cwd: debs })
  for (const file of await readdir(debs)) await run('dpkg-deb', ['-x', join(debs, file), root])
  const local = (path: string) => join(root, 'usr/local', path)
  await mkdir(local('lib/node_modules'), { recursive: true })
  await mkdir(local('bin'), { recursive: true })
  await cp(join(ROOT, 'node_modules/node/bin/node'), local('bin/node'))
  await chmod(local('bin/node'), 0o755)
  await cp(join(await npmFolder()), local('lib/node_modules/npm'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', local('bin/npm'))
  return root
}

/** Where the npm of this machine stands. */
async function npmFolder(): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const cli = await realpath(join(folder, 'npm')).catch(() => '')
    if (cli.endsWith('/bin/npm-cli.js')) return join(cli, '../..')
  }
  throw new Error('npm is not on PATH')
}

/** A cache of npm with what the image installs, and the settings that make npm use nothing else. */
async function filledCache(folder: string, context: string): Promise<{ cache: string; npmrc: string }> {
  const [cache, filling, npmrc] = [join(folder, 'npm'), join(folder, 'filling'), join(folder, 'npmrc')]
  await mkdir(filling)
  for (const file of ['package.json', 'package-lock.json']) await cp(join(context, file), join(filling, file))
  await cp(join(context, 'kedge-0.tgz'), join(filling, 'kedge.tgz'))
  const flags = ['--cache', cache, '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  await run('npm', ['ci', ...flags], { cwd: filling })
  const { stdout } = await run('npm', ['config', 'get', 'registry'], { cwd: filling })
  await writeFile(npmrc, `cache=/npm-cache\noffline=true\nregistry=${stdout.trim()}\n`)
  return { cache, npmrc }
}
