/** docs/cli.md has the commands that there are, and their transcripts are of words that the commands know. */
import { describe, expect, it } from 'vitest'
import { kedge } from '../cli/harness.ts'
import { blocksOf, pageAt, PAGES } from './page.ts'
import { commandsOf } from './shell-command.ts'

const page = pageAt('docs/cli.md')

/** What the user has. */
const MODULES = {
  'loaders.js': 'export default { prices: async () => ({}) }',
  'stores.js': 'export default { orders: async () => undefined }',
}

async function commandsOfHelp(...words: readonly string[]): Promise<string[]> {
  const { out } = await kedge([...words, '--help'])
  const list = out.split('Commands:\n')[1] ?? ''
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help')
}

const transcribed = PAGES.flatMap((each) =>
  blocksOf(each, '').flatMap(({ text, line }) =>
    text
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .filter((said) => /^\$ (?:[A-Z_]+=\S+ )*(?:npx )?kedge /.test(said))
      .map((said) => ({ where: `${each.path}:${line}: ${said}`, page: each, text: said.slice(2) })),
  ),
)

describe('the page of the command line', () => {
  it('has a section for every command, a row in its table, and no other', async () => {
    const commands = await commandsOfHelp()
    expect(commands.length).toBeGreaterThan(8)
    const rows = [...page.text.matchAll(/^\| \[`kedge (\w+)`\]/gm)].map(([, name]) => name)
    const sections = [...page.text.matchAll(/^## (.*)$/gm)].map(([, name]) => name)
    expect(new Set(rows)).toEqual(new Set(commands))
    for (const name of commands) expect(sections).toContain(name)
  })

  it('names each command of `kedge topics`', async () => {
    for (const name of await commandsOfHelp('topics')) expect(page.text).toContain(`topics ${name}`)
  })

  it('has every flag that it names in one of the commands', async () => {
    const names = [[], ...(await commandsOfHelp()).map((name) => [name])]
    const more = (await commandsOfHelp('topics')).map((name) => ['topics', name])
    const help = await Promise.all(
      [...names, ...more].map(async (words) => (await kedge([...words, '--help'])).out),
    )
    const known = new Set(help.join('\n').match(/--[a-z][a-z-]+/g))
    for (const flag of page.text.match(/(?<=[`\s])--[a-z][a-z-]+/g) ?? []) expect(known).toContain(flag)
  })
})

describe('transcripts of `kedge`', () => {
  it('are there', () => expect(transcribed.length).toBeGreaterThan(5))

  it.each(transcribed)('$where: is understood', async ({ page: at, text }) => {
    const [command] = commandsOf({ page: at, text: text.replace(/ \| .*$/, '') })
    const words = command!.words.slice(command!.words.indexOf('kedge') + 1)
    const env = Object.fromEntries(Object.entries(command!.env).map(([name]) => [name, 'a-secret']))
    const out = async (): Promise<never> => {
      throw new Error('out of reach')
    }
    const { code, err } = await kedge(words, {
      env,
      files: MODULES,
      connect: () => {
        throw new Error('out of reach')
      },
      openStore: out,
      fetch: out,
      stop: AbortSignal.abort(),
    })
    expect([code, err]).not.toEqual([2, err])
  })
})
