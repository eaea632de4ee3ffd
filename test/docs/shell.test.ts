/** A reader who pastes a command of a page finds that it does what the page says. */
import { describe, expect, it } from 'vitest'
import { blocksOf, PAGES } from './page.ts'
import { isRead, RULES } from './rules.ts'
import { commandsOf } from './shell-command.ts'
import type { ShellCommand } from './shell-command.ts'

/** Those of the tour are whole scripts, which another test takes from the page as they are. */
function commandsIn(block: { page: (typeof PAGES)[number]; text: string }): ShellCommand[] {
  const { page, text } = block
  const isScript = page.path === 'docs/tour.md' && !text.startsWith('npm ')
  return isScript ? [{ page, env: {}, words: ['sh'], text }] : commandsOf(block)
}

const commands = PAGES.flatMap((page) =>
  blocksOf(page, 'sh').flatMap((block) =>
    commandsIn(block).map((command) => ({ command, name: `${page.path}:${block.line}: ${command.text}` })),
  ),
).map((each) => ({ ...each, rule: RULES.find((rule) => rule.takes(each.command)) }))

describe('the shell of the pages', { timeout: 240_000 }, () => {
  it('is there', () => {
    expect(commands.length).toBeGreaterThan(40)
  })

  it('is in blocks that are marked `sh`, and in transcripts', () => {
    for (const page of PAGES)
      for (const language of ['bash', 'shell', 'zsh', 'console'])
        expect(blocksOf(page, language), page.path).toEqual([])
  })

  describe.each(['run here', 'run elsewhere', 'checked'] as const)('%s', (way) => {
    it.each(commands.filter(({ rule }) => rule?.way === way))('$name', async ({ command, rule }) => {
      for (const name of Object.keys(command.env)) expect(isRead(name), `${name} is read`).toBe(true)
      await rule!.hold(command)
    })
  })

  it('has no command that nothing runs and nothing checks', () => {
    expect(commands.filter(({ rule }) => rule === undefined).map(({ name }) => name)).toEqual([])
  })

  it('has a reason for each command that is not run here', () => {
    expect(RULES.filter(({ way, why }) => (way === 'run here') !== (why === ''))).toEqual([])
  })
})
