/**
 * `npm run check`: everything that can be wrong with the code before it runs.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'

const STEPS: readonly (readonly [title: string, command: string])[] = [
  ['format', 'oxfmt --check'],
  ['lint', 'oxlint --type-aware --deny-warnings'],
  ['types of what is published', 'tsc -b tsconfig.json tsconfig.node.json'],
  ['types of tests, demo, bench and examples', 'tsc -p tsconfig.test.json'],
  ['dead code', 'knip'],
  ['package', 'node scripts/check-package.ts'],
  ['API reference', 'node scripts/api-reference.ts'],
  ['what JSR gets', 'node scripts/jsr.ts && deno publish --dry-run --allow-dirty'],
  ['examples', 'node scripts/check-examples.ts'],
  ['worker, as wrangler deploys it to each environment', 'node scripts/check-wrangler.ts'],
]

const failed: string[] = []
for (const [title, command] of STEPS) {
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(command, {
    shell: true,
    encoding: 'utf8',
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${title} (${command}, ${seconds} s)`)
  if (status === 0) continue
  failed.push(title)
  console.log(`${stdout}${stderr}`)
}
if (failed.length > 0) {
  console.log(`\nFailed: ${failed.join(', ')}`)
  process.exitCode = 1
}
