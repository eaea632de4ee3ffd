/**
 * The API reference, made from what is published: `deno doc` says what each part exports and what its docstrings say,
 * the built declarations say how it is typed (decision 80).
 *
 * `node tools/api-reference.ts` says whether `docs/api` is up to date, `--write` writes it. Needs `npm run build`.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

interface JsDoc {
  readonly doc?: string
  readonly tags?: readonly { readonly kind: string; readonly name?: string; readonly doc?: string }[]
}

interface Declaration {
  readonly location: { readonly filename: string; readonly line: number }
  readonly jsDoc?: JsDoc
  readonly kind: string
}

interface Documented {
  readonly module_doc?: JsDoc
  readonly symbols: readonly { readonly name: string; readonly declarations: readonly Declaration[] }[]
}

const FOLDER = 'docs/api'
const HEAD = '<!-- Made by tools/api-reference.ts from the docstrings. -->\n\n'
/** Functions first: a reader who looks for a way in looks for them. */
const KINDS = ['function', 'class', 'variable', 'interface', 'typeAlias', 'enum']

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

const pages = new Map<string, string>()
const contents: string[] = []
/** The page that describes what stands at a place of the sources: parts that export the same link to it. */
const described = new Map<string, { readonly file: string; readonly name: string; readonly symbol: string }>()
for (const [subpath, target] of Object.entries(manifest.exports)) {
  if (typeof target === 'string') continue
  const source = target.default.replace('./dist/', './').replace(/\.js$/, '.ts')
  const name = subpath === '.' ? 'kedge' : `kedge/${subpath.slice(2)}`
  const file = `${subpath === '.' ? 'kedge' : subpath.slice(2).replaceAll('/', '-')}.md`
  const documented = documentedBy(source)
  pages.set(file, pageOf(file, name, documented))
  const summary = (documented.module_doc?.doc ?? '').trim().split('\n\n')[0]!.replaceAll('\n', ' ')
  contents.push(`| [\`${name}\`](${file}) | ${summary.replaceAll('|', '\\|')} |`)
}
pages.set(
  'README.md',
  `${HEAD}# API reference\n\nWhat each part of the package exports, with the words of its docstrings.\n\n|   |   |\n| --- | --- |\n${contents.join('\n')}\n`,
)

function documentedBy(source: string): Documented {
  const text = execFileSync('deno', ['doc', '--json', '--quiet', source], {
    encoding: 'utf8',
    maxBuffer: 64_000_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { nodes } = JSON.parse(text) as { readonly nodes: Readonly<Record<string, Documented>> }
  return Object.values(nodes)[0]!
}

function pageOf(file: string, name: string, { module_doc, symbols }: Documented): string {
  const parts = [`${HEAD}# \`${name}\`\n`, words(module_doc)]
  const sorted = symbols
    .map(({ name: symbol, declarations }) => ({ symbol, declaration: declarations[0]! }))
    .toSorted(
      (a, b) =>
        KINDS.indexOf(a.declaration.kind) - KINDS.indexOf(b.declaration.kind) ||
        (a.symbol < b.symbol ? -1 : 1),
    )
  for (const { symbol, declaration } of sorted) {
    const { filename, line } = declaration.location
    const place = `${filename}:${line}`
    const before = described.get(place)
    if (before !== undefined) {
      const anchor = before.symbol.toLowerCase()
      parts.push(
        `## \`${symbol}\`\n`,
        `The same as [\`${before.symbol}\` of \`${before.name}\`](${before.file}#${anchor}).\n`,
      )
      continue
    }
    described.set(place, { file, name, symbol })
    parts.push(`## \`${symbol}\`\n`, words(declaration.jsDoc))
    const typed = declarationOf(symbol, declaration)
    if (typed !== undefined) parts.push(`\`\`\`ts\n${typed}\n\`\`\`\n`)
  }
  return parts.filter((part) => part !== '').join('\n')
}

/** The docstring: text, what it throws, its parameters, its examples. */
function words(jsDoc: JsDoc | undefined): string {
  const parts = [`${(jsDoc?.doc ?? '').trim()}\n`]
  for (const { kind, name, doc } of jsDoc?.tags ?? []) {
    if (kind === 'param' && doc !== undefined) parts.push(`\`${name}\`: ${doc}\n`)
    if (kind === 'throws' && doc !== undefined) parts.push(`_Throws_ ${doc}\n`)
    if (kind === 'example' && doc !== undefined) parts.push(`${doc}\n`)
  }
  // Links between docstrings lead nowhere on a page of their own.
  return parts
    .filter((part) => part.trim() !== '')
    .join('\n')
    .replaceAll(/\{@link ([^}]+)\}/g, '`$1`')
}

/** As the compiler wrote it, without the docstring that stands above it. */
function declarationOf(symbol: string, { location }: Declaration): string | undefined {
  const source = relative(process.cwd(), fileURLToPath(location.filename))
  const built = `dist/${source.replace(/\.ts$/, '.d.ts')}`
  if (!existsSync(built)) return undefined
  const text = readFileSync(built, 'utf8')
  const start = text.search(
    new RegExp(
      `^export (?:declare )?(?:abstract )?(?:interface|type|class|function|const|enum) ${symbol}\\b`,
      'm',
    ),
  )
  if (start < 0) return undefined
  const from = text.slice(start)
  // The compiler ends every declaration at the left margin: with its last brace, or on its only lines with a semicolon.
  const end = /^export [^\n]*;$|^\}(?:[^\n]*)$|^[^\s/*][^\n]*;$/m.exec(from)
  const whole = from.slice(0, end === null ? undefined : end.index + end[0].length)
  return whole
    .replace(/^export (?:declare )?/, '')
    .replaceAll(/^ {4}#private;\n/gm, '')
    .trimEnd()
}

if (process.argv.includes('--write')) {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  for (const [file, text] of pages) writeFileSync(`${FOLDER}/${file}`, text)
} else {
  const old = [...pages].filter(
    ([file, text]) => !existsSync(`${FOLDER}/${file}`) || readFileSync(`${FOLDER}/${file}`, 'utf8') !== text,
  )
  const gone = globSync(`${FOLDER}/*.md`).filter((path) => !pages.has(path.slice(FOLDER.length + 1)))
  for (const name of [...old.map(([file]) => `${FOLDER}/${file}`), ...gone]) {
    console.error(`${name} is not what the docstrings say: node tools/api-reference.ts --write`)
    process.exitCode = 1
  }
}
