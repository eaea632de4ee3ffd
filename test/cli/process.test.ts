import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import { append } from './harness.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    for (const look of waiting) look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = new Promise<{ code: number | string | null; out: string; err: string }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? signal, out, err })),
  )
  /** Resolves when the standard output holds the text. */
  const says = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => out.includes(text) && resolve(out)
      waiting.add(look)
      look()
      void ended.then((result) => reject(new Error(`ended: ${JSON.stringify(result)}`)))
    })
  return { child, ended, says }
}

async function gateway() {
  const running = await startGateway()
  onTestFinished(() => running.close())
  return running
}

describe('the process', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'of a gateway says where it listens, answers, and ends with 0 on %s',
    async (signal) => {
      const { child, ended, says } = start(['gateway', '--port', '0'])
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await says('listening on http'))![0]
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      child.kill(signal)
      expect((await ended).code).toBe(0)
    },
  )

  it('ends with 2 and a sentence for wrong arguments', async () => {
    const { code, out, err } = await start(['gateway', '--port', 'x']).ended
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^kedge: --port .*\n$/)
  })

  it('evicts, tails, and examines over a real connection', async () => {
    const { url, log } = await gateway()
    const env = { KEDGE_URL: url }
    const evicted = await start(['evict', 'users', '--key', '7'], env).ended
    expect(evicted).toEqual({ code: 0, out: 'k1.0-1\n', err: '' })
    const tail = await start(['tail'], env).ended
    expect(tail.out).toMatch(/evict {2}users {2}key 7\n$/)
    expect([tail.code, tail.err]).toEqual([0, ''])
    const doctor = await start(['doctor', '--json', '--token', 'k1.0-1', '--url', url]).ended
    expect(JSON.parse(doctor.out)).toMatchObject({ ok: true })
    expect([doctor.code, doctor.err]).toEqual([0, ''])
    expect(log.offsets('cache-evictions', 0).end).toBe(3)
  })

  it('follows a topic until it is interrupted, and ends with 0', async () => {
    const { url, log } = await gateway()
    append(log, 'cache-evictions', { v: 1, op: 'clear', ns: 'first' })
    const { child, ended, says } = start(['tail', '--follow'], { KEDGE_URL: url })
    await says('clear  first')
    append(log, 'cache-evictions', { v: 1, op: 'clear', ns: 'second' })
    await says('clear  second')
    child.kill('SIGINT')
    const { code, err } = await ended
    expect([code, err]).toEqual([0, ''])
  })

  it('ends with 1 and a sentence when nothing listens, without a secret or a stack', async () => {
    const running = await startGateway()
    await running.close()
    const env = { KEDGE_URL: running.url, KEDGE_AUTH_TOKEN: 'hunter2' }
    expect(await start(['evict', 'users', '--all'], env).ended).toEqual({
      code: 1,
      out: '',
      err: `kedge: no answer from ${running.url} (connection refused: nothing listens there)\n`,
    })
  })

  it('ends quietly when the reader of its output goes away', async () => {
    const { url, log } = await gateway()
    for (let n = 0; n < 5000; n++) append(log, 'cache-evictions', { v: 1, op: 'clear', ns: `n${n}` })
    const { child, ended } = start(['tail', '--from', 'beginning', '--follow'], { KEDGE_URL: url })
    child.stdout.once('data', () => child.stdout.destroy())
    const { code, err } = await ended
    expect([code, err]).toEqual([0, ''])
  })
})
