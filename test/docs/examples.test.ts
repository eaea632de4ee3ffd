/** The examples as their reader runs them, on the built package. Each ends with 0 when it saw what it says. */
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../package/tarball.ts'
import { EXAMPLES } from './example-files.ts'

/** Only an example that hangs takes this long. */
const LIMIT_MS = 120_000

const examples = globSync([...EXAMPLES], { cwd: ROOT }).toSorted()

describe('the examples', () => {
  it('are there', () => expect(examples.length).toBeGreaterThan(10))

  it.each(examples)('%s sees what it says', { timeout: LIMIT_MS }, async (example) => {
    const ended = await promisify(execFile)(process.execPath, [example], { cwd: ROOT }).then(
      () => 'ended well',
      ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}${stderr}`,
    )
    expect(ended).toBe('ended well')
  })
})
