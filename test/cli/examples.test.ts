/** The examples in the help of every command: that command takes them. */
import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { memorySink } from '../../src/testing/index.ts'
import { commandsOf } from '../docs/shell-command.ts'
import type { Page } from '../docs/page.ts'
import { cluster, kedge, proxy } from './harness.ts'
import type { Surroundings } from './harness.ts'

/** The commands that a help lists. */
async function commands(...of: string[]): Promise<string[][]> {
  const { out } = await kedge([...of, '--help'])
  const list = /\nCommands:\n([\s\S]*?)(?:\n\n|$)/.exec(out)?.[1]
  if (list === undefined) return [of]
  const names = list.split('\n').flatMap((line) => /^ {2}([a-z-]+)/.exec(line)?.[1] ?? [])
  const inner = names.filter((name) => name !== 'help').map((name) => commands(...of, name))
  const own = out.includes('\nExamples:') ? [of] : []
  return [...own, ...(await Promise.all(inner)).flat()]
}

async function examplesOf(words: readonly string[]): Promise<string[]> {
  const { out } = await kedge([...words, '--help'])
  const [, part = ''] = /\nExamples:\n((?: {2}[^\n]*\n)+)/.exec(out) ?? []
  return part
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** Everything that a command may ask for, and an end of its work before it has begun. */
function around(env: Record<string, string>): Surroundings {
  const { fetch } = proxy({}, { auth: { tokens: [] } })
  return {
    env,
    fetch,
    connect: () => cluster(),
    runtime: systemRuntime(),
    stop: AbortSignal.timeout(200),
    files: {
      'loaders.js': 'export default { users: async () => new Map() }',
      'stores.js': 'export default { users: async () => undefined }',
      'package.json': { type: 'module' },
      'audit.jsonl': '',
    },
    openStore: async () =>
      ({ sink: memorySink(), describe: 'memory', close: async () => undefined }) as never,
  }
}

const COMMANDS = [
  'gateway',
  'gateway credentials',
  'audit verify',
  'serve',
  'topics create',
  'topics check',
  'doctor',
  'top',
  'tail',
  'get',
  'evict',
  'loader',
  'persister',
  'sync',
]

describe('the help of', () => {
  it('every command is tested here', async () => {
    const found = (await commands()).map((words) => words.join(' '))
    expect(found.toSorted()).toEqual(COMMANDS.toSorted())
  })

  it.each(COMMANDS)('%s has two examples, which that command takes', async (name) => {
    const examples = await examplesOf(name.split(' '))
    expect(examples).toHaveLength(2)
    for (const text of examples) {
      const [example, ...more] = commandsOf({ page: { path: 'help' } as Page, text })
      expect(more).toEqual([])
      expect(example!.words.slice(0, 1 + name.split(' ').length)).toEqual(['kedge', ...name.split(' ')])
      const { code, err } = await kedge(example!.words.slice(1), around(example!.env))
      expect(code === 2 ? `${text}: ${err}` : 'taken').toBe('taken')
    }
  })

  it.each(COMMANDS)('%s writes each length of time with its unit', async (name) => {
    const { out } = await kedge([...name.split(' '), '--help'])
    expect(out).not.toMatch(/<ms>|<seconds>|<milliseconds>/)
    const options = out.replaceAll(/\n {6,}/g, ' ').split('\n')
    const durations = options.filter((line) => line.includes('<duration>'))
    for (const line of durations) {
      const [, otherwise] = /default: ([^)]*)\)/.exec(line) ?? []
      if (otherwise !== undefined) expect(otherwise).toMatch(/^(?:\d+(?:ms|s|m|h|d)|[^\d].*)$/)
    }
  })
})
