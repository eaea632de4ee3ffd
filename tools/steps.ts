/**
 * Commands in lanes: those of one lane run one after the other, the lanes beside each other. What a command prints is
 * shown when it ends, so that no two are mixed.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

export interface Step {
  readonly title: string
  /** For a shell. */
  readonly command: string
  readonly env?: Readonly<Record<string, string>>
  /** It computes, and need not answer in time: the steps of other lanes go before it. */
  readonly yields?: boolean
  /** How much of what it prints is shown: a step that fails shows all of it. @default the last lines */
  readonly told?: 'all' | 'when it fails'
}

export interface Done {
  readonly step: Step
  readonly ok: boolean
  readonly seconds: number
}

/** What a step has started may hold its output open for so long after its end. */
const LINGER_MS = 5000
/** Steps under way: they end with this process. */
const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const child of running) child.kill('SIGTERM')
    process.exit(130)
  })

/** The priority of a step that yields: 0 is the usual one, 19 the lowest. */
const YIELDING = 10
/** Of a step that passed, these last lines are shown. */
const LAST_LINES = 14

export async function runSteps(lanes: readonly (readonly Step[])[]): Promise<Done[]> {
  const done: Done[] = []
  await Promise.all(
    lanes.map(async (steps) => {
      for (const step of steps) done.push(await runStep(step))
    }),
  )
  return done
}

export function runStep(step: Step): Promise<Done> {
  const started = performance.now()
  const isYielding = step.yields === true && process.platform !== 'win32'
  const child = spawn(isYielding ? `nice -n ${YIELDING} ${step.command}` : step.command, {
    shell: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', WRANGLER_SEND_METRICS: 'false', ...step.env },
  })
  running.add(child)
  console.log(`…    ${step.title}`)
  let output = ''
  const take = (chunk: Buffer) => void (output += chunk.toString())
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  return new Promise((resolve, reject) => {
    let ended = false
    const end = (code: number | null) => {
      if (ended) return
      ended = true
      running.delete(child)
      const ok = code === 0
      const seconds = (performance.now() - started) / 1000
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${step.title} (${step.command}, ${seconds.toFixed(1)} s)`)
      const lines = output.trimEnd().split('\n')
      for (const line of shown(step, ok, lines)) console.log(`  ${line}`.trimEnd())
      resolve({ step, ok, seconds })
    }
    child.on('error', reject)
    child.on('close', end)
    child.on('exit', (code) => void setTimeout(end, LINGER_MS, code).unref())
  })
}

function shown({ told }: Step, ok: boolean, lines: readonly string[]): readonly string[] {
  if (!ok || told === 'all') return lines
  return told === 'when it fails' ? [] : lines.slice(-LAST_LINES)
}

/** Says how long each step took, and what all of them come to. */
export function conclude(done: readonly Done[]): void {
  console.log('')
  for (const { step, ok, seconds } of done)
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${seconds.toFixed(1).padStart(6)} s  ${step.title}`)
  const failed = done.filter(({ ok }) => !ok).length
  const total = Math.round(performance.now() / 1000)
  console.log(`${done.length - failed} steps passed, ${failed} failed, in ${total} s`)
  if (failed > 0) process.exitCode = 1
}
