import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import { groupClock, processClock, watch } from '../processor-time.ts'

const hasProc = existsSync('/proc/self/stat')

describe('a clock of processor time', () => {
  it.skipIf(!hasProc)('counts what a process computes, alone and in its group', async () => {
    const child = spawn(process.execPath, ['-e', 'for (;;);'], { detached: true, stdio: 'ignore' })
    const clocks = [processClock(child.pid!), groupClock(child.pid!)]
    await expect.poll(() => clocks.every((clock) => clock() >= 200)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it.skipIf(!hasProc)('of a process that only waits stands still', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); process.send("up")'], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    await once(child, 'message')
    const clock = processClock(child.pid!)
    const since = performance.now()
    await expect.poll(() => performance.now() - since > 300).toBe(true)
    // What it does after it has started is little.
    expect(clock()).toBeLessThan(150)
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it('calls once when it has passed a limit, and never when the watch has ended', async () => {
    let now = 0
    const late: string[] = []
    const ends = watch(
      () => now,
      1000,
      () => late.push('ended'),
    )
    watch(
      () => now,
      1000,
      () => late.push('late'),
    )
    ends()
    now = 1000
    await expect.poll(() => late).toEqual(['late'])
  })
})
