/** Puts the results into the pages that show them. @module */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pictureOf } from './picture.ts'
import { billTable, tailReport, type TailResults } from './report.ts'

const ROOT = new URL('../../../', import.meta.url)
const FIGURES = 'docs/tail-figures.md'
const SCALING = 'docs/scaling.md'
const PICTURE = 'docs/images/scaling-cost.svg'

/** @throws Error where a page has no place for them */
export async function writePages(results: TailResults): Promise<void> {
  await place(FIGURES, tailReport(results))
  await place(SCALING, billTable(results.bills))
  await writeFile(new URL(PICTURE, ROOT), pictureOf(results.bills))
  const formatter = fileURLToPath(new URL('node_modules/.bin/oxfmt', ROOT))
  await promisify(execFile)(formatter, [FIGURES, SCALING], { cwd: fileURLToPath(ROOT) })
}

async function place(page: string, text: string): Promise<void> {
  const url = new URL(page, ROOT)
  await writeFile(url, placed(await readFile(url, 'utf8'), text, page))
}

/** The page, with this text between its two marks. */
export function placed(page: string, text: string, name: string): string {
  const parts = page.split(/(<!-- (?:end of )?bench:tail -->)/)
  if (parts.length !== 5) throw new Error(`${name} has no place that is marked by \`<!-- bench:tail -->\``)
  return [parts[0], parts[1], `\n\n${text.trim()}\n\n`, parts[3], parts[4]].join('')
}
