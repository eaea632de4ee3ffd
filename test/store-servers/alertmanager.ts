/** Alertmanager and its tool, from Debian. @module */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type DebianProgram, fetchProgram, type Program, without } from './debian.ts'
import { freePorts } from './ports.ts'
import { ServerProcess } from './process.ts'

const AMTOOL: DebianProgram = { package: 'prometheus-alertmanager', name: 'amtool' }
const ALERTMANAGER: DebianProgram = { package: 'prometheus-alertmanager', name: 'prometheus-alertmanager' }

export const withoutAlertmanager = (): string | undefined => without(ALERTMANAGER)

/** What `amtool check-config` says. @throws Error with its words, for a configuration that is wrong */
export async function amtoolSays(config: string): Promise<string> {
  const { file, env } = await fetchProgram(AMTOOL)
  const { stdout } = await promisify(execFile)(file, ['check-config', config], {
    env: { ...process.env, ...env },
  })
  return stdout
}

export interface AlertmanagerServer {
  /** `127.0.0.1:port`. */
  readonly address: string
  stop(): Promise<void>
}

/**
 * Debian's build reads its templates from /usr/share. Where it is only unpacked, it gets a view of the files of its own, in which
 * /usr/share is that of the package.
 */
function withShare({ file }: Program): string[] {
  if (existsSync('/usr/share/prometheus/alertmanager/default.tmpl')) return [file]
  const share = join(dirname(file), '..', 'share')
  const inItsView = 'mount --bind "$1" /usr/share && shift && exec "$@"'
  return ['/usr/bin/unshare', '--map-root-user', '--mount', 'sh', '-c', inItsView, 'sh', share, file]
}

/** @param config as its file has it */
export async function startAlertmanager(config: string): Promise<AlertmanagerServer> {
  const program = await fetchProgram(ALERTMANAGER)
  const [launcher = '', ...launcherArgs] = withShare(program)
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-alertmanager-'))
  const file = join(folder, 'alertmanager.yml')
  await writeFile(file, config)
  const address = `127.0.0.1:${port}`
  const running = await ServerProcess.start({
    program: { ...program, file: launcher },
    args: [
      ...launcherArgs,
      `--config.file=${file}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      // Alone: it looks for no others.
      '--cluster.listen-address=',
    ],
    log: join(folder, 'alertmanager.log'),
    ready: () =>
      fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
  })
  return {
    address,
    async stop() {
      await running.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
