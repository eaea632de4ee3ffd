/** The ready worker as it is bundled where no optional package is installed. */
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, it, onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

it('the ready worker is bundled with nothing installed but what every user has', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-worker-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const part of ['src', 'adapters', 'worker', 'services/audit'])
    await cp(join(ROOT, part), join(folder, part), { recursive: true })
  await mkdir(join(folder, 'node_modules'))
  for (const name of ['hono', 'quick-lru', 'zod'])
    await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'dir')
  const { errors, warnings, outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: ['worker/cloudflare.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    logLevel: 'silent',
  })
  expect(errors).toEqual([])
  expect(warnings.every(({ text }) => text.includes('@upstash/kafka'))).toBe(true)
  expect(outputFiles[0]?.text).toContain('npm install @upstash/kafka')
})
