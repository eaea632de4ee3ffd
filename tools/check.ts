/**
 * `npm run check`: everything that can be wrong with the code before it runs.
 *
 * @module
 */
import { conclude, runSteps } from './steps.ts'
import type { Step } from './steps.ts'

/** They need what is built, which the first of them does. */
const ON_THE_BUILD: readonly Step[] = [
  { title: 'types of what is published', command: 'tsc -b tsconfig.json tsconfig.node.json' },
  { title: 'package', command: 'node tools/check-package.ts' },
  { title: 'API reference', command: 'node tools/api-reference.ts' },
  { title: 'what JSR gets', command: 'node tools/jsr.ts && deno publish --dry-run --allow-dirty' },
  { title: 'snippets of the docs', command: 'node tools/check-snippets.ts' },
]
const ON_THE_SOURCES: readonly Step[] = [
  { title: 'format', command: 'oxfmt --check' },
  { title: 'lint', command: 'oxlint --type-aware --deny-warnings' },
  { title: 'types of tests, demo, bench and examples', command: 'tsc -p tsconfig.test.json' },
  { title: 'types of the live page', command: 'tsc -p cli/ui/page && tsc -p test/browser' },
  { title: 'dead code', command: 'knip' },
  { title: 'functions that a hit and a miss run', command: 'node tools/call-counts.ts --check' },
  { title: 'sentences that hide who does what', command: 'node tools/check-words.ts' },
  { title: 'worker, as wrangler deploys it to each environment', command: 'node tools/check-wrangler.ts' },
]

const quiet = (steps: readonly Step[]): Step[] =>
  steps.map((step) => ({ ...step, told: 'when it fails', env: { CI: 'true' } }))

conclude(await runSteps([quiet(ON_THE_BUILD), quiet(ON_THE_SOURCES)]))
