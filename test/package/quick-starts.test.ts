/**
 * docs/quick-start.md, typed as it stands: in empty folders, from the packed package, in the real runtimes. Only ports are
 * others, and the package comes from its tarball, as the page says.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { blocksOf, pageAt } from '../docs/page.ts'
import type { Block } from '../docs/page.ts'
import { commandsOf } from '../docs/shell-command.ts'
import type { ShellCommand } from '../docs/shell-command.ts'
import { freePorts } from '../store-servers/ports.ts'
import { project } from './project.ts'
import type { Project } from './project.ts'
import { sharedTarball } from './shared-package.ts'
import { ROOT } from './tarball.ts'

const page = pageAt('docs/quick-start.md')
/** What the page shows that users have instead of a row of theirs. */
const API = 'https://jsonplaceholder.typicode.com'
const USER = { id: 1, name: 'Leanne Graham' }

interface File {
  readonly name: string
  readonly text: string
}

/** The blocks below a heading of the page, by language. */
function section(title: string) {
  const lines = page.text.split('\n')
  const from = lines.indexOf(`## ${title}`)
  if (from < 0) throw new Error(`the page has no section ${title}`)
  const next = lines.findIndex((line, index) => index > from && line.startsWith('## '))
  const within = ({ line }: Block) => line > from && (next < 0 || line <= next)
  const of = (language: string) => blocksOf(page, language).filter(within)
  return {
    commands: of('sh').flatMap((block) => commandsOf(block)),
    files: of('js').map(({ text }) => ({ name: /^\/\/ (\S+)\n/.exec(text)?.[1] ?? '', text })),
    transcript: of('')[0]?.text.split('\n') ?? [],
  }
}

const common = section('What all of them need')
const homes: Project[] = []
afterAll(() => Promise.all(homes.map((home) => home.remove())))

interface Ports {
  readonly gateway: string
  readonly server: string
}

/** The page's words with the ports of this run. */
const at = (text: string, { gateway, server }: Ports): string =>
  text.replaceAll('8082', gateway).replaceAll(/\b(?:8080|8787)\b/g, server)

/** In a group of its own, so that what `npx` leaves behind ends too. */
function begin(home: Project, words: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const path = `${join(home.folder, 'node_modules/.bin')}:${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`
  const child = spawn(words[0]!, words.slice(1), {
    cwd: home.folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PATH: path, WRANGLER_SEND_METRICS: 'false', CI: 'true', ...env },
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'close')
    process.kill(-child.pid!, 'SIGKILL')
    await ended
  })
  return child
}

const answers = (url: string) =>
  vi.waitUntil(
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    { timeout: 90_000, interval: 200 },
  )

/** What follows on the screen after each line of a transcript that is typed. */
function typed(transcript: readonly string[]): { readonly line: string; readonly told: readonly string[] }[] {
  const found: { line: string; told: string[] }[] = []
  for (const line of transcript)
    if (line.startsWith('$ ')) found.push({ line: line.slice(2), told: [] })
    else found.at(-1)!.told.push(line)
  return found
}

const isServer = ({ words: [first, second] }: ShellCommand): boolean =>
  first === 'node' || first === 'deno' || second === 'server.js' || (first === 'npx' && second === 'wrangler')

/** An empty folder with the files of the page, where the commands that install have run, and its gateway. */
async function installed(title: string, files: readonly File[]): Promise<{ home: Project; ports: Ports }> {
  const [gateway, server] = await freePorts(2)
  const ports = { gateway: String(gateway), server: String(server) }
  const home = await project({})
  homes.push(home)
  for (const command of section(title).commands.filter((each) => !isServer(each))) {
    const words = command.words.map((word) => (word === 'kedge' ? sharedTarball() : word))
    // Not from the registry: it is large, and the one of this repository is the same.
    await home.run(words[0]!, ...words.slice(1).filter((word) => word !== 'wrangler'))
  }
  for (const { name, text } of files) await home.write(name, at(text, ports))
  const [command] = common.commands
  expect(command?.words).toEqual(['npx', 'kedge', 'gateway'])
  begin(home, [...command!.words, '--port', ports.gateway])
  await answers(`http://127.0.0.1:${ports.gateway}/healthz`)
  return { home, ports }
}

/** Types the transcript, and sees what the page shows. */
async function follow(title: string, home: Project, ports: Ports): Promise<void> {
  const lines = typed(section(title).transcript)
  expect(lines.length).toBeGreaterThan(0)
  const plain = (text: string) =>
    text.replaceAll(/ttl=\d+/g, 'ttl=299').replaceAll(/(k1\.0-\d+)~[0-9a-z]+/g, '$1~5vfb7c')
  for (const { line, told } of lines) {
    const env = [`KEDGE_URL=http://127.0.0.1:${ports.gateway}`]
    const said = await home.run('env', ...env, 'sh', '-c', at(line, ports))
    expect(plain(said), line).toBe(told.join('\n'))
  }
}

describe('the quick start', { timeout: 300_000 }, () => {
  it.each(['Node', 'Deno', 'Bun'])('of %s', async (title) => {
    const { commands, files } = section(title)
    const { home, ports } = await installed(title, [...common.files, ...files])
    const [server, ...more] = commands.filter(isServer)
    expect(more).toEqual([])
    begin(home, server!.words)
    await answers(`http://127.0.0.1:${ports.server}/`)
    await follow(title, home, ports)
  })

  it('of Lambda', async () => {
    const { home, ports } = await installed('AWS Lambda', section('AWS Lambda').files)
    await follow('AWS Lambda', home, ports)
  })

  it('of the ready worker, before an API that knows nothing of it', async () => {
    const title = 'Cloudflare Workers, without code'
    const { home, ports } = await installed(title, [])
    await symlink(join(ROOT, 'node_modules/wrangler'), join(home.folder, 'node_modules/wrangler'), 'dir')
    await symlink('../wrangler/bin/wrangler.js', join(home.folder, 'node_modules/.bin/wrangler'))
    const api = createServer((request, response) => {
      response.writeHead(request.url === '/users/1' ? 200 : 404, {
        'content-type': 'application/json; charset=utf-8',
      })
      response.end(JSON.stringify(request.url === '/users/1' ? USER : {}))
    }).listen(0, '127.0.0.1')
    await once(api, 'listening')
    onTestFinished(() => api.close().closeAllConnections())
    const [server] = section(title).commands.filter(isServer)
    const own = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
    const words = server!.words.map((word) => at(word, ports).replace(API, own))
    expect(words).toContain(`ORIGIN_URL:${own}`)
    begin(home, [...words, '--port', ports.server, '--ip', '127.0.0.1', '--inspector-port', '0'])
    await answers(`http://127.0.0.1:${ports.server}/healthz`)
    await follow(title, home, ports)
  })
})
