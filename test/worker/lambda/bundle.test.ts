import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

it('kedge/lambda needs no module of Node', async () => {
  const { errors, outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../../worker/lambda.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    // Neutral: a built-in module that is imported is an error.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  })
  expect(errors).toEqual([])
  expect(outputFiles[0]!.text).not.toMatch(/\bBuffer\.|\bprocess\.|from\s*["']node:/)
})
