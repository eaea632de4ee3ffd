/** Commands that are not run, because they need what a clean clone has not; their words are checked instead. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { readGatewayOptions } from '../../tools/bench/gateway-options.ts'
import { readOptions } from '../../tools/bench/options.ts'
import { readStoresOptions } from '../../tools/bench/stores-options.ts'
import { readTailOptions } from '../../tools/bench/tail/options.ts'
import { readOptions as readDemoOptions } from '../../examples/tour/options.ts'
import { VARIABLE_NAMES } from '../../worker/variables.ts'
import { kedge } from '../cli/harness.ts'
import { ROOT } from '../package/tarball.ts'
import { PROJECTS } from '../projects.ts'
import type { Page } from './page.ts'
import { sourceOf } from './page.ts'
import { mustExist } from './rule.ts'
import type { Rule } from './rule.ts'
import { envOf, kedgeArgs } from './run-here.ts'
import { after } from './shell-command.ts'
import type { ShellCommand } from './shell-command.ts'

interface Manifest {
  readonly name: string
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: object
  readonly devDependencies: object
  readonly peerDependencies: object
}

const root = JSON.parse(sourceOf('package.json')) as Manifest

/** The package.json of the example that the page is about, or that of the repository. */
function manifestOf(page: Page): Manifest {
  const own = join(page.folder, 'package.json')
  return existsSync(join(ROOT, own)) ? (JSON.parse(sourceOf(own)) as Manifest) : root
}

/** What Vitest is given: the names of projects, and files or folders of tests. */
function readTestArguments(args: readonly string[]): void {
  for (const [at, word] of args.entries()) {
    if (word === '--project') continue
    if (args[at - 1] !== '--project') mustExist(word)
    else if (!PROJECTS.some(({ name }) => name === word)) throw new Error(`there is no project ${word}`)
  }
}

const READERS: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  bench: readOptions,
  'bench:gateway': readGatewayOptions,
  'bench:stores': readStoresOptions,
  'bench:tail': readTailOptions,
  start: readDemoOptions,
  test: readTestArguments,
}

/** Flags are known to a program that reads them by `parseArgs` where its source names them there. */
function mustName(path: string, flags: readonly string[]): void {
  for (const flag of flags) {
    const [, name] = /^--([a-z-]+)(?:=.*)?$/.exec(flag) ?? []
    if (name !== undefined && !new RegExp(`(?:'${name}'|\\b${name}): \\{ type: '`).test(sourceOf(path)))
      throw new Error(`${path} knows no --${name}`)
  }
}

function script(command: ShellCommand): { name: string; args: readonly string[] } | undefined {
  const [npm, verb = '', ...rest] = command.words
  if (npm !== 'npm') return undefined
  const [name = '', dashes, ...args] = verb === 'run' ? rest : [verb, ...rest]
  const known = name in manifestOf(command.page).scripts
  return known && (dashes === undefined || dashes === '--') ? { name, args } : undefined
}

function holdScript(command: ShellCommand): void {
  const { name, args } = script(command)!
  const line = manifestOf(command.page).scripts[name] ?? ''
  const paths = line.split(' ').filter((word) => /^[\w-]+\/[\w/.-]+$/.test(word))
  for (const path of paths)
    mustExist(join(manifestOf(command.page) === root ? '' : command.page.folder, path))
  if (args.length === 0) return
  const reads = READERS[name]
  if (reads) reads(args)
  else mustName(paths.find((path) => path.endsWith('.ts')) ?? '', args)
}

/** Kafka and the store are out of reach; an unknown word or value is a usage error before the command finds that. */
async function holdKedge(command: ShellCommand): Promise<void> {
  const out = (): never => {
    throw new Error('out of reach')
  }
  const { code, err } = await kedge(kedgeArgs(command) ?? [], {
    env: envOf(command),
    connect: out,
    openStore: async () => out(),
  })
  if (code !== 1 || !err.includes('out of reach')) throw new Error(`it ended with ${code}: ${err}`)
}

const PACKAGE = /^(?:npm:)?((?:@[\w-]+\/)?[\w.-]+)$/

function added({ words: [program = '', verb = '', ...rest] }: ShellCommand): readonly string[] | undefined {
  const verbs: Readonly<Record<string, readonly string[]>> = {
    npm: ['install', 'i'],
    deno: ['add'],
    bun: ['add'],
  }
  return verbs[program]?.includes(verb) ? rest.filter((word) => !word.startsWith('-')) : undefined
}

const known: ReadonlySet<string> = new Set([
  root.name,
  ...[root.dependencies, root.devDependencies, root.peerDependencies].flatMap((each) => Object.keys(each)),
])

async function holdWrangler(command: ShellCommand): Promise<void> {
  const words = after(command, 'npx', 'wrangler') ?? []
  const [, secret] = /^secret put (\w+)/.exec(words.join(' ')) ?? []
  const names = VARIABLE_NAMES
  if (secret !== undefined && !names.includes(secret)) throw new Error(`the worker reads no ${secret}`)
  const environment = words[words.indexOf('--env') + 1]
  if (words.includes('--env') && !sourceOf('wrangler.toml').includes(`[env.${environment}]`))
    throw new Error(`wrangler.toml has no environment ${environment}`)
  const verbs = words.slice(0, secret === undefined ? words.findIndex((word) => word.startsWith('-')) : 2)
  const help = await promisify(execFile)(
    join(ROOT, 'node_modules/.bin/node'),
    [join(ROOT, 'node_modules/wrangler/bin/wrangler.js'), ...(verbs.length > 0 ? verbs : words), '--help'],
    { env: { ...process.env, WRANGLER_SEND_METRICS: 'false' } },
  )
  for (const flag of words.filter((word) => word.startsWith('--')))
    if (!help.stdout.includes(flag.split('=')[0]!))
      throw new Error(`wrangler ${words.join(' ')} knows no ${flag}`)
}

export const CHECKED: readonly Rule[] = [
  {
    way: 'checked',
    why: 'it needs brokers or a store of the reader: it is begun, up to the first that it reaches for',
    takes: (command) => kedgeArgs(command) !== undefined,
    hold: holdKedge,
  },
  {
    way: 'checked',
    why: 'scripts that take minutes, or more than a clean clone has: their files are there, their flags are known',
    takes: (command) => script(command) !== undefined,
    hold: holdScript,
  },
  {
    way: 'checked',
    why: 'test/package installs the packed tarball instead of what a registry has: the packages are those of kedge',
    takes: (command) => added(command) !== undefined,
    hold: (command) => {
      const names = added(command) ?? []
      for (const name of names)
        if (!known.has(PACKAGE.exec(name)?.[1] ?? ''))
          throw new Error(`nothing here knows the package ${name}`)
    },
  },
  {
    way: 'checked',
    why: 'an example against a broker or a store of the reader: its flags and variables are known',
    takes: ({ words }) => words[0] === 'node' && /^examples\/.*\.ts$/.test(words[1] ?? ''),
    hold: ({ words: [, path = '', ...args] }) => {
      mustExist(path)
      mustName(path, args)
    },
  },
  {
    way: 'checked',
    why: 'it needs an account of AWS: the template is linted, and its functions are run, by test/worker/lambda',
    takes: ({ words: [program, verb] }) => program === 'sam' && (verb === 'build' || verb === 'deploy'),
    hold: ({ page }) => {
      mustExist(join(page.folder, 'template.yaml'))
      mustExist('test/worker/lambda/template.test.ts')
    },
  },
  {
    way: 'checked',
    why: 'it needs an account of Cloudflare: npm run check has wrangler bundle the worker; words and names are known',
    takes: (command) => after(command, 'npx', 'wrangler') !== undefined,
    hold: holdWrangler,
  },
  {
    way: 'checked',
    why: 'there is no Docker in a clean clone: the file is there',
    takes: ({ words }) => /^docker compose (?:--profile kedge )?up/.test(words.join(' ')),
    hold: () => mustExist('compose.yaml'),
  },
  {
    way: 'checked',
    why: 'there is no Docker in a clean clone: test/deploy/image.test.ts builds and runs the image with buildah',
    takes: ({ words: [program, verb = ''] }) =>
      program === 'docker' && ['build', 'push', 'run'].includes(verb),
    hold: ({ words }) => {
      mustExist('test/deploy/image.test.ts')
      if (words[1] === 'build') mustExist(join(words.at(-1) ?? '', 'Dockerfile'))
    },
  },
  {
    way: 'checked',
    why: 'it packs for the image: test/package/tarball.ts does, and the folder is there',
    takes: (command) => after(command, 'npm', 'pack', '--pack-destination') !== undefined,
    hold: ({ words }) => mustExist(words.at(-1) ?? ''),
  },
  {
    way: 'checked',
    why: 'it needs a cluster: deploy/helm/check-on-apiserver.ts installs the chart on an API server',
    takes: ({ words }) => words[0] === 'helm',
    hold: ({ words }) => mustExist(join(words[3] ?? '', 'Chart.yaml')),
  },
  {
    way: 'checked',
    why: 'it needs a cluster: the variables of its Secrets are read',
    takes: ({ words }) => words[0] === 'kubectl',
    hold: async ({ words }) => {
      const { isRead } = await import('./rules.ts')
      for (const word of words) {
        const [, name] = /^--from-literal=(\w+)=/.exec(word) ?? []
        if (name !== undefined && !isRead(name)) throw new Error(`nothing reads ${name}`)
      }
    },
  },
  {
    way: 'checked',
    why: 'Go builds an API server for a quarter of an hour: its flags are known',
    takes: ({ words }) => words[0] === 'node' && words[1] === 'deploy/helm/check-on-apiserver.ts',
    hold: ({ words: [, path = '', ...args] }) => mustName(path, args),
  },
  {
    way: 'checked',
    why: 'it asks what the reader has deployed: the path is one of the worker',
    takes: ({ words }) => words[0] === 'curl',
    hold: ({ words }) => {
      const path = /^(?:https?:\/\/)?[\w.:-]+(\/[^?]*)/.exec(words.at(-1) ?? '')?.[1]
      if (!/^\/(?:cache\/.+|evictions|healthz|readyz|openapi\.json|metrics|lag)$/.test(path ?? ''))
        throw new Error(`the worker has no ${path}`)
    },
  },
  {
    way: 'checked',
    why: 'it needs a broker with ACLs, and its tools: test/kafka/acl-commands.test.ts runs those of the page',
    takes: ({ words }) => words[0] === 'kafka-acls.sh',
    hold: ({ page }) => mustExist(join(page.folder, 'security.md')),
  },
  {
    way: 'checked',
    why: 'steps from one folder to another',
    takes: ({ words }) => words[0] === 'cd' && words.length === 2,
    hold: ({ words: [, path = ''] }) => {
      if (basename(dirname(path)) === 'examples') mustExist(path)
    },
  },
]
