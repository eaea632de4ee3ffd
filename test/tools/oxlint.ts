/** What the linter says, by the rules of this repository, of files that do not stand in it. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[]
}

const OXLINT = resolve('node_modules/oxlint/bin/oxlint')

/** The rules that each of the files breaks, by its path. */
export async function brokenRules(files: Readonly<Record<string, string>>): Promise<Map<string, string[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'kedge-lint-'))
  try {
    copyFileSync('.oxlintrc.json', join(folder, '.oxlintrc.json'))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    const { diagnostics } = JSON.parse(await lint(folder)) as Report
    const broken = new Map<string, string[]>(Object.keys(files).map((path) => [path, []]))
    for (const { code, filename } of diagnostics) broken.get(filename)?.push(code)
    return broken
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** It ends with 1 where it finds something. */
const lint = (cwd: string): Promise<string> =>
  new Promise((done, fail) => {
    execFile(
      process.execPath,
      [OXLINT, '--format', 'json', '.'],
      { cwd, maxBuffer: 50_000_000 },
      (error, stdout) => (stdout === '' ? fail(error ?? new Error('oxlint says nothing')) : done(stdout)),
    )
  })
