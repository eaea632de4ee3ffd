import { stripVTControlCharacters } from 'node:util'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Meter } from '../../../examples/tour/colo/meter.ts'
import { showColo } from '../../../examples/tour/colo/show.ts'
import { startGateway } from '../../../services/gateway/index.ts'

let log: Awaited<ReturnType<typeof startGateway>>
beforeEach(async () => {
  log = await startGateway({ port: 0 })
})
afterEach(() => log.close())

/** Requests a second of both fleets, from the line of the end that says it. */
function ratesOf(lines: readonly string[], isolates: number): number[] {
  const line = lines.find((each) => each.startsWith(`${isolates} isolates ask`)) ?? ''
  return [...line.matchAll(/(\d+\.\d) times/g)].map(([, rate]) => Number(rate))
}

describe('the colo', { timeout: 60_000 }, () => {
  it('asks the log for each isolate where each polls, and as often for forty as for four where they share', async () => {
    const lines: string[] = []
    const code = await showColo({
      url: log.url,
      signal: new AbortController().signal,
      print: (printed) => lines.push(...printed),
      emphasis: (text) => text,
      isTerminal: false,
      sceneMs: 5000,
    })
    const [few, many] = [ratesOf(lines, 4), ratesOf(lines, 40)]
    expect(many[0]).toBeGreaterThan(4 * few[0]!)
    // Six samples a second, and what an eviction makes it read.
    for (const [, shared] of [few, many]) expect(shared).toBeLessThanOrEqual(8)
    expect(many[0]).toBeGreaterThan(3 * many[1]!)
    expect(lines.filter((line) => /^ +\d+ s {2}\d+ isolates each/.test(line)).length).toBeGreaterThan(8)
    expect(lines.join('\n')).toMatch(/\d evictions: an old row was served \d\.\d s and \d\.\d s at most/)
    expect(lines).toContainEqual(expect.stringContaining('3 of 3: no requests'))
    expect(code).toBe(0)
  })

  it('draws one screen over the other in a terminal, and ends at once when it is interrupted', async () => {
    const interruption = new AbortController()
    const drawn: string[] = []
    const code = await showColo({
      url: log.url,
      signal: interruption.signal,
      print: (lines) => {
        drawn.push(lines.join('\n'))
        if (drawn.length === 12) interruption.abort()
      },
      emphasis: (text) => text,
      isTerminal: true,
      columns: 80,
    })
    expect(code).toBe(0)
    expect(drawn).toHaveLength(12)
    const [introduction, first, second] = drawn
    expect(introduction).toContain('share one tail')
    expect(first).toContain('1 of 3: 4 isolates on each side')
    const height = first!.split('\n').length
    expect(second!.startsWith(`\u001B[${height}A`)).toBe(true)
    // It fits the screen: each line that is wrapped would be drawn over wrongly.
    expect(height).toBeLessThanOrEqual(20)
    for (const line of stripVTControlCharacters(drawn.slice(1).join('\n')).split('\n'))
      expect(line.length).toBeLessThanOrEqual(80)
    expect(introduction!.split('\n').every((line) => line.length <= 80)).toBe(true)
    // Nothing of the right side is cut.
    expect(drawn.at(-1)).toMatch(/isolate 1 +\S.* ago, log +v\d.* ago, (tail|store)/)
  })

  it('is what `npm start -- --colo` starts, and Ctrl-C ends it with 0', async () => {
    const program = fileURLToPath(new URL('../../../examples/tour/start.ts', import.meta.url))
    const child = spawn(process.execPath, [program, '--colo'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (output.stderr += text))
    const seen = new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output.stdout += text
        if (output.stdout.includes('isolates each')) resolve()
      })
    })
    await Promise.race([seen, once(child, 'close')])
    child.kill('SIGINT')
    if (child.exitCode === null) await once(child, 'close')
    expect(output.stderr).toBe('')
    expect(output.stdout).toMatch(/1 s {2}4 isolates each · at the log \d/)
    expect(child.exitCode).toBe(0)
  })
})

describe('a meter', () => {
  it('counts all, and the rate of the last two seconds', () => {
    let now = 0
    const meter = new Meter(() => now)
    for (let at = 0; at < 10; at++) {
      now = at * 500
      meter.add()
    }
    expect([meter.total, meter.rate]).toEqual([10, 2])
    now += 5000
    expect([meter.total, meter.rate]).toEqual([10, 0])
  })
})
