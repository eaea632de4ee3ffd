import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const FILES = globSync('.github/workflows/*.{yml,yaml}')
const USES = /^\s*(?:-\s+)?uses:\s*(.*)$/

/** What is wrong with the actions that a workflow uses. */
function faultsOf(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const used = USES.exec(line)?.[1]
    // Also where it is no member of its own line: `{ uses: … }`.
    if (used === undefined) return /\buses["']?\s*:/.test(line.replace(/#.*/, '')) ? [line.trim()] : []
    if (used.startsWith('./')) return []
    return /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(used.trim()) ? [] : [used]
  })
}

describe('The workflows', () => {
  it.each(FILES)('use in %s actions by the digest of a commit, with the version that it is', (file) => {
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/uses: actions\/checkout@/)
    expect(faultsOf(text)).toEqual([])
  })

  it('use one commit of each action', () => {
    const all = FILES.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/uses: ([\w./-]+)@(\w+)/g)])
    const commits = new Map<string, Set<string>>()
    for (const [, name, commit] of all) commits.set(name!, (commits.get(name!) ?? new Set()).add(commit!))
    for (const [name, found] of commits) expect([name, found.size]).toEqual([name, 1])
    expect(commits.size).toBeGreaterThan(4)
  })

  it('give no more than leave to read, unless a job asks for it', () => {
    for (const file of FILES)
      expect(readFileSync(file, 'utf8')).toMatch(/^permissions:\n {2}contents: read$/m)
  })

  it.each([
    '      - uses: actions/checkout@v5',
    '      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8',
    '      - uses: actions/checkout@08c6903 # v5.0.0',
    '      - { uses: actions/checkout@v5 }',
    '        uses: docker://alpine:3',
  ])('would be refused with %s', (line) => {
    expect(faultsOf(line)).toHaveLength(1)
  })
})
