/**
 * Builds the live page from its sources, in memory: for a clone. The package has `dist/vendor/live-page.js` in the place of
 * this module, which `tools/pack.ts` makes by it.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Metafile, Plugin } from 'esbuild'

/** What stands in the one HTML of the page. */
export interface PageParts {
  readonly script: string
  readonly style: string
}

/** uPlot as its makers have minified it: after gzip a kilobyte less than what esbuild makes of it. */
const PLOT = 'node_modules/uplot/dist/uPlot.iife.min.js'

export async function pageParts(): Promise<PageParts> {
  const { script, style } = await buildPage()
  return { script, style }
}

/** The same, with the packages of which something is in it, as esbuild tells it. */
export async function buildPage(): Promise<PageParts & { readonly metafile: Metafile }> {
  // For people who build the page alone.
  const { build } = await import('esbuild')
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const { outputFiles, metafile } = await build({
    entryPoints: ['cli/ui/page/main.tsx'],
    absWorkingDir: root,
    // Nothing is written there.
    outdir: 'dist',
    // Else paths of this machine would stand in the metafile.
    preserveSymlinks: true,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    plugins: [PLOT_BEFORE],
  })
  const part = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))!.text.trim()
  const plot = (await readFile(join(root, PLOT), 'utf8')).trim()
  return { script: `${plot}\n${part('.js')}`, style: part('.css'), metafile: withPlot(metafile, plot.length) }
}

/** The script of uPlot stands before that of the page, and declares `uPlot`. */
const PLOT_BEFORE: Plugin = {
  name: 'plot-before',
  setup(builder) {
    builder.onResolve({ filter: /^uplot$/ }, () => ({ path: 'uplot', namespace: 'before' }))
    builder.onLoad({ filter: /./, namespace: 'before' }, () => ({ contents: 'export default uPlot' }))
  },
}

function withPlot(metafile: Metafile, bytesInOutput: number): Metafile {
  for (const { entryPoint, inputs } of Object.values(metafile.outputs))
    if (entryPoint !== undefined) inputs[PLOT] = { bytesInOutput }
  return metafile
}
