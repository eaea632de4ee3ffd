/** The end of a turn of the event loop, as this Node tells it: hits share a reading of the clock until then. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'

const PROGRAM = `
import { systemRuntime } from ${JSON.stringify(new URL('../../../src/ports/runtime.ts', import.meta.url).href)}
const runtime = systemRuntime()
const end = (where) => runtime.afterTurn(() => process.stdout.write(where + '\\n'))
setTimeout(() => end('timer'), 1)
setImmediate(() => end('immediate'))
// All that keeps this process: what comes from its parent, which says nothing.
process.stdin.on('data', () => end('input'))
`

it('comes before the loop waits for anything, in whatever phase of it', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  let told = ''
  child.stdout.on('data', (data) => (told += String(data)))
  // Were it told no sooner than something comes in, this would wait for good.
  while (!(told.includes('timer') && told.includes('immediate'))) await once(child.stdout, 'data')
  child.stdin.write('x')
  while (!told.includes('input')) await once(child.stdout, 'data')
  expect(told.trim().split('\n').toSorted()).toEqual(['immediate', 'input', 'timer'])
})
