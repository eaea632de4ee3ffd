import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

const PROGRAM = resolve('tools/publishable.ts')

it.each([
  [{}, 1],
  [{ repository: { type: 'git', url: '' } }, 1],
  [{ repository: { type: 'git', url: 'git+https://git.example/kedge.git' } }, 0],
  [{ repository: 'example/kedge' }, 0],
])('A package with %j is published only where its links have a place to lead to', (manifest, code) => {
  const folder = mkdtempSync(join(tmpdir(), 'kedge-publishable-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM], { cwd: folder, encoding: 'utf8' })
  expect([status, stderr.includes('package.json has no `repository`')]).toEqual([code, code === 1])
})
