import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './index.ts'
import { applied, changesOf } from './change.ts'
import { isCopied } from './copy.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

describe('the mutants', () => {
  it('are at least sixty, each under a name of its own', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(60)
    expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length)
  })

  it('have the bugs of the protocol that its model knows among them', () => {
    const ids = new Set(MUTANTS.map(({ id }) => id))
    const known = ['M1', 'M2', 'M3', 'M4', 'M5', 'M6', 'M7', 'M8', 'M8b', 'M9', 'M10', 'M11', 'M12', 'M15']
    for (const id of [...known, 'M16', 'M17', 'M18', 'F0', 'F1', 'F2', 'F4', 'F5']) expect(ids).toContain(id)
  })
})

describe.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))('%s', (_, mutant) => {
  it('changes what stands exactly once in its file, into something else that can be parsed', async () => {
    for (const { file, from, to } of changesOf(mutant)) expect(to, file).not.toBe(from)
    for (const [file, text] of applied(mutant, read)) {
      await expect(transform(text, { loader: 'ts', sourcefile: file })).resolves.toHaveProperty('code')
      expect(text).not.toBe(read(file))
    }
  })

  it('says in a sentence what is wrong, and what would notice it', () => {
    expect(mutant.what).toMatch(/^[A-Z].+\.$/)
    // What breaks no invariant, the simulator cannot see: it would have to say why.
    expect(mutant.breaks.length > 0 || mutant.unseen !== undefined).toBe(true)
    expect(mutant.hint.length > 0 || mutant.survives !== undefined).toBe(true)
    for (const file of mutant.hint) expect(existsSync(join(ROOT, 'test', file)), file).toBe(true)
    for (const file of mutant.hint) expect(isCopied(file), file).toBe(true)
  })
})
