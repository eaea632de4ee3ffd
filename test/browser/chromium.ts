/** Chromium, from Debian, led by playwright-core. @module */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import { fetchProgram, missing, without } from '../store-servers/debian.ts'
import type { DebianProgram } from '../store-servers/debian.ts'

const CHROMIUM: DebianProgram = { package: 'chromium', name: 'chromium' }

export const withoutChromium = (): string | undefined => without(CHROMIUM)
export const chromiumMissing = (): string | undefined => missing(CHROMIUM)

export async function startChromium(): Promise<Browser> {
  const { file, env } = await fetchProgram(CHROMIUM)
  // What is called so is a script, which looks for the program in `/usr/lib`.
  const program = join(dirname(file), '../lib/chromium/chromium')
  return chromium.launch({
    executablePath: existsSync(program) ? program : file,
    env: { ...process.env, ...env },
    // Its own sandbox needs what a container seldom has; it is shown the pages of this repository alone.
    chromiumSandbox: false,
    args: ['--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'],
  })
}
