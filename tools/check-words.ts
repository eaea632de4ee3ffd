/**
 * Words that make a sentence a riddle, in comments, pages, errors and titles of tests: they hide who does what. And
 * private words in the names of files and of what they export.
 *
 * `node tools/check-words.ts [folder …]` prints each place, and ends with 1 where there is one.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { privateWordsIn } from './private-words.ts'

/** What is refused, and what to write instead. */
const RIDDLES: readonly (readonly [RegExp, string])[] = [
  [/\bwhoever\b/i, 'name the actor'],
  [/\b(?:no|some|any)body\b/i, 'name the actor: writer, reader, isolate, client, broker, proxy, request'],
  [/\b(?:is|are|was|were|be|been) told\b/i, 'say who tells it: "the proxy answers", "the poll returns"'],
  [/(?<![#.])\bbelieved?\b(?!\()/i, 'say what is done with it: served, kept, used, taken'],
  [/\b(?:of|from) (?:before|after)\b/i, 'say of which time'],
  [/\bmet anew\b/i, 'resynced'],
  [/\bas good as\b|\bgood for nothing\b|\bas well as it goes\b|\bhas had its time\b/i, 'say what happens'],
]
const PAGES = /\.md$/
const CODE = /\.(?:ts|js|mjs)$/
/** Made from elsewhere, or words of others. */
const LEFT_OUT =
  /^(?:docs\/api\/|CHANGELOG|\.changeset\/|examples\/tour\/data\/|tools\/(?:check|private)-words\.ts)/

const folders = process.argv.slice(2)
const files = execFileSync('git', ['ls-files', ...folders], { encoding: 'utf8' })
  .split('\n')
  .filter(Boolean)
let count = 0
for (const file of files) {
  if ((!PAGES.test(file) && !CODE.test(file)) || LEFT_OUT.test(file)) continue
  const text = readFileSync(file, 'utf8')
  for (const found of privateWordsIn(file, text)) {
    count++
    process.stdout.write(`${file}: ${found}\n`)
  }
  const prose = PAGES.test(file) ? text : proseOf(text)
  for (const [at, line] of prose.split('\n').entries()) {
    for (const [riddle, instead] of RIDDLES) {
      const [found] = riddle.exec(line) ?? []
      if (found === undefined) continue
      count++
      process.stdout.write(`${file}:${at + 1}: "${found}": ${instead}\n`)
    }
  }
}
process.stdout.write(`${count} riddles and private words\n`)
if (count > 0) process.exitCode = 1

/** The comments and texts of a source, each where it stands: names in the code are for the compiler. */
function proseOf(source: string): string {
  const parts = source.matchAll(
    /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\/[^\n]*|\/\*[^]*?\*\//g,
  )
  let prose = ''
  let end = 0
  for (const { 0: part, index } of parts) {
    prose += source.slice(end, index).replaceAll(/[^\n]/g, ' ')
    prose += part.startsWith('/') || part.includes(' ') ? part : part.replaceAll(/[^\n]/g, ' ')
    end = index + part.length
  }
  return prose
}
