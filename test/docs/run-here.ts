/**
 * Commands that are run here as they stand, but for the addresses: programs are given ports that are free, and a
 * gateway of this process in place of the one that the reader has.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startGateway } from '../../services/gateway/index.ts'
import { ROOT } from '../package/tarball.ts'
import { listening } from './program.ts'
import { after } from './shell-command.ts'
import type { Rule } from './rule.ts'
import type { ShellCommand } from './shell-command.ts'

/** The arguments of `kedge`, by whichever of its names. */
export function kedgeArgs(command: ShellCommand): readonly string[] | undefined {
  const gateway = after(command, 'npm', 'run', 'gateway', '--')
  return (
    after(command, 'kedge') ??
    after(command, 'npx', 'kedge') ??
    after(command, 'node', 'cli/main.ts') ??
    after(command, 'npx', 'node', 'cli/main.ts') ??
    (gateway && ['gateway', ...gateway])
  )
}

/** What is left out on a page, `…`, is a secret of the reader's. */
export function envOf({ env }: ShellCommand): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value.replace('…', 'a-secret')]),
  )
}

async function beginsAndEnds(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const program = await listening(args, env)
  const { status } = await fetch(`${program.url}/healthz`)
  if (status !== 200) throw new Error(`/healthz says ${status}`)
  await program.end()
}

async function withGateway(use: (url: string) => Promise<void>): Promise<void> {
  const gateway = await startGateway()
  try {
    await use(gateway.url)
  } finally {
    await gateway.close()
  }
}

const LOADERS = 'export default { prices: async (ids) => Object.fromEntries(ids.map((id) => [id, 3])) }\n'

export const RUN_HERE: readonly Rule[] = [
  {
    way: 'run here',
    why: '',
    takes: (command) => {
      const args = kedgeArgs(command)
      return args?.[0] === 'gateway' && !args.includes('--brokers')
    },
    hold: (command) =>
      beginsAndEnds([...(kedgeArgs(command) ?? []), '--host', '127.0.0.1', '--port', '0'], envOf(command)),
  },
  {
    way: 'run here',
    why: '',
    takes: (command) => {
      const args = kedgeArgs(command)
      return args?.[0] === 'serve' && !args.includes('--url')
    },
    hold: (command) =>
      withGateway((url) =>
        beginsAndEnds([...(kedgeArgs(command) ?? []), '--port', '0'], { ...envOf(command), KEDGE_URL: url }),
      ),
  },
  {
    way: 'run here',
    why: '',
    takes: (command) => kedgeArgs(command)?.[0] === 'loader',
    hold: (command) =>
      withGateway(async (url) => {
        const folder = await mkdtemp(join(tmpdir(), 'kedge-page-'))
        try {
          await writeFile(join(folder, 'loaders.mjs'), LOADERS)
          const own = ['--module', join(folder, 'loaders.mjs'), '--url', url, '--listen', '127.0.0.1:0']
          await beginsAndEnds([...(kedgeArgs(command) ?? []), ...own], envOf(command))
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      }),
  },
  {
    way: 'run here',
    why: '',
    // Of one subject: the others are measured by the same code.
    takes: ({ text }) => text === 'npm run bench -- --quick',
    hold: async () => {
      const { stdout } = await promisify(execFile)(
        'npm',
        ['run', '--silent', 'bench', '--', '--quick', '--only', 'Map'],
        {
          cwd: ROOT,
          maxBuffer: 16_000_000,
        },
      )
      if (!stdout.includes('| Map get')) throw new Error(`nothing was measured: ${stdout}`)
    },
  },
]
