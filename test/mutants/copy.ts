/**
 * A copy of the sources and tests in a directory of its own, which can be changed and put back.
 *
 * @module
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { applied } from './change.ts'
import type { Mutant } from './mutant.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const SOURCES = ['src', 'adapters', 'services', 'worker', 'test'] as const
/** Below `test/`. They need what is not copied: brokers, stores, other runtimes. */
const LEFT_OUT = ['kafka', 'stores', 'services/gateway', 'cli']
/** Of these, what needs none of that. */
const TAKEN_ALONG = ['services/gateway/upstream']
const leftOut = new Set(LEFT_OUT.map((name) => join(ROOT, 'test', name)))

/** Whether a mutant can face the test: a file below `test/`. */
export const isCopied = (file: string): boolean => {
  const isIn = (name: string) => file.startsWith(`${name}/`)
  return !LEFT_OUT.some(isIn) || TAKEN_ALONG.some(isIn)
}

// A test of a mutant may hang; but one that only waits for its turn must not be taken for it.
const CONFIG = `import { defineConfig } from 'vitest/config'

export default defineConfig({
  cacheDir: '.cache',
  test: { include: ['test/**/*.test.ts'], testTimeout: 30_000, hookTimeout: 30_000, restoreMocks: true },
})
`

export class Copy {
  readonly path: string = mkdtempSync(join(tmpdir(), 'kedge-mutant-'))
  readonly #changed = new Set<string>()

  constructor() {
    for (const name of SOURCES)
      cpSync(join(ROOT, name), join(this.path, name), {
        recursive: true,
        filter: (source) => !leftOut.has(source),
      })
    for (const name of TAKEN_ALONG)
      cpSync(join(ROOT, 'test', name), join(this.path, 'test', name), { recursive: true })
    for (const name of readdirSync(ROOT))
      if (/^(?:package|tsconfig.*)\.json$/.test(name)) cpSync(join(ROOT, name), join(this.path, name))
    symlinkSync(join(ROOT, 'node_modules'), join(this.path, 'node_modules'))
    mkdirSync(join(this.path, '.cache'))
    writeFileSync(join(this.path, 'vitest.config.ts'), CONFIG)
  }

  /** Runs the task with the mutant in place. */
  async with<T>(mutant: Mutant, task: () => Promise<T>): Promise<T> {
    const originals = new Map<string, string>()
    const changed = applied(mutant, (file) => {
      const text = readFileSync(join(this.path, file), 'utf8')
      originals.set(file, text)
      return text
    })
    try {
      for (const [file, text] of changed) this.#write(file, text)
      return await task()
    } finally {
      for (const [file, text] of originals) this.#write(file, text)
    }
  }

  /** The files that were changed or put back since it was asked before. */
  takeChanged(): readonly string[] {
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text)
    this.#changed.add(file)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
