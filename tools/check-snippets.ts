/**
 * Compiles the snippets of the README, the docs and the docstrings against the built package.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

function report(name: string, result: { status: number | null; stdout: string; stderr: string }): void {
  console.log(`${result.status === 0 ? 'ok  ' : 'FAIL'} ${name}`)
  if (result.status === 0) return
  console.log(`${result.stdout}${result.stderr}`)
  process.exitCode = 1
}

const SNIPPETS = 'dist/snippets'
rmSync(SNIPPETS, { recursive: true, force: true })
mkdirSync(SNIPPETS, { recursive: true })
writeFileSync(
  `${SNIPPETS}/tsconfig.json`,
  JSON.stringify({
    extends: '../../tsconfig.test.json',
    compilerOptions: { rootDir: '../..', noUnusedLocals: false },
    include: ['*.ts'],
    exclude: [],
  }),
)

let found = 0
for (const file of ['README.md', ...globSync('docs/*.md')]) {
  for (const [, code] of readFileSync(file, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm))
    snippet(file, code!)
}
for (const file of globSync('{src,adapters,worker,services}/**/*.ts')) {
  for (const [, code] of readFileSync(file, 'utf8').matchAll(
    / \* @example\n \* ```ts\n([\s\S]*?) \* ```$/gm,
  )) {
    snippet(file, code!.replaceAll(/^ \* ?/gm, ''))
  }
}

/** Each a module of its own, named after where it stands. One that begins with the path of a file shows that file. */
function snippet(file: string, code: string): void {
  found++
  const [line, path] = /^\/\/ ((?:examples|test)\/\S+\.ts)\n/.exec(code) ?? []
  if (line !== undefined && path !== undefined) {
    const isShown = readFileSync(path, 'utf8') === code.slice(line.length)
    const stderr = `${file} does not show ${path} as it is\n`
    if (!isShown) report(path, { status: 1, stdout: '', stderr })
    // It is compiled where it stands.
    return
  }
  writeFileSync(`${SNIPPETS}/${file.replaceAll(/[^\w]/g, '_')}_${found}.ts`, `${code}\nexport {}\n`)
}
report(`${found} snippets`, spawnSync('tsc', ['-p', SNIPPETS], { encoding: 'utf8' }))
