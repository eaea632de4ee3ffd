/** The licences of what is bundled into the package, made of what esbuild says that it has put in. @module */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

const RULE = '-'.repeat(80)

interface Found {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string | { readonly name: string }
}

/** The folders of the packages of which esbuild has put something in, in order. */
export function bundledFolders(metafiles: readonly Metafile[]): string[] {
  const folders = new Set<string>()
  for (const { outputs } of metafiles)
    for (const { inputs } of Object.values(outputs))
      for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]
        if (folder !== undefined && bytesInOutput > 0) folders.add(folder)
      }
  return [...folders].toSorted()
}

/** @throws Error where a package names no licence. */
export function noticesOf(metafiles: readonly Metafile[]): string {
  const parts = bundledFolders(metafiles).map(noticeOf)
  return `The package kedge contains code of the following packages, under their own licences.\n\n${parts.join('\n')}`
}

function noticeOf(folder: string): string {
  const { name, version, license, author } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as Found
  if (license === undefined) throw new Error(`${name} names no licence: it cannot be bundled`)
  const files = readdirSync(folder)
    .filter((file) => /^(?:licen[cs]e|notice|copying)(?:\.\w+)?$/i.test(file))
    .toSorted()
  const texts = files
    .filter((file) => existsSync(join(folder, file)))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  const by = typeof author === 'object' ? author.name : author
  const text =
    texts.length > 0
      ? texts.join('\n\n')
      : `Copyright ${by ?? `the authors of ${name}`}. Licensed under ${license}.`
  return `${RULE}\n${name} ${version} (${license})\n${RULE}\n${text}\n`
}
