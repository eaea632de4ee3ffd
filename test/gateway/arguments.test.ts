import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readArguments, USAGE } from '../../gateway/arguments.ts'

describe('the command line', () => {
  it('starts on 127.0.0.1:8082 with a log in memory when nothing is said', () => {
    expect(readArguments([], {})).toMatchObject({
      help: false,
      accessLog: false,
      options: {
        host: '127.0.0.1',
        port: 8082,
        memory: { autoCreate: true, partitions: 1 },
        auth: { users: {}, tokens: [] },
      },
    })
  })

  it('takes flags before the environment', () => {
    const env = {
      KEDGE_GATEWAY_PORT: '1',
      KEDGE_GATEWAY_HOST: '::1',
      KEDGE_GATEWAY_TOPICS: 'a,b:2',
      KEDGE_GATEWAY_USER: 'ann:p:w',
    }
    const argv = ['--port', '0', '--token', 'x', '--token', 'y', '--no-auto-create', '--access-log']
    expect(readArguments(argv, env)).toMatchObject({
      accessLog: true,
      options: {
        port: 0,
        host: '::1',
        memory: { topics: { a: 1, b: 2 }, autoCreate: false },
        auth: { users: { ann: 'p:w' }, tokens: ['x', 'y'] },
      },
    })
  })

  it.each([
    [['--port', '70000'], {}, /--port.*0 to 65535/],
    [['--port', '-1'], {}, /--port/],
    [['--partitions', '1.5'], {}, /--partitions.*whole number/],
    [[], { KEDGE_GATEWAY_MAX_WAIT: 'soon' }, /KEDGE_GATEWAY_MAX_WAIT/],
    [['--log', 'disk'], {}, /--log.*memory/],
    [['--topic', 'a:0'], {}, /--topic/],
    [['--user', 'secret'], {}, /^--user(?!.*secret)/],
    [['--colour'], {}, /colour/],
    [['stray'], {}, /stray/],
    [[], { KEDGE_GATEWAY_ACCESS_LOG: 'perhaps' }, /KEDGE_GATEWAY_ACCESS_LOG/],
  ])('refuses %j %j with a sentence', (argv, env, sentence) => {
    expect(() => readArguments(argv, env)).toThrow(sentence)
  })

  it('names every flag in its help', () => {
    for (const flag of ['host', 'port', 'log', 'topic', 'partitions', 'user', 'token', 'access-log'])
      expect(USAGE).toContain(`--${flag}`)
  })
})

describe('the process', () => {
  const run = (args: string[]) => {
    const main = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const heard = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text
          resolve()
        })
      }
    })
    const ended = new Promise<number | string | null>((resolve) =>
      child.on('close', (code, signal) => resolve(code ?? signal)),
    )
    return { child, heard, ended, output: () => output }
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'says where it listens, answers, and ends with 0 on %s',
    async (signal) => {
      const { child, heard, ended, output } = run(['--port', '0'])
      await heard
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output())![0]
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      child.kill(signal)
      expect(await ended).toBe(0)
    },
  )

  it('ends with 2 and a sentence for wrong arguments', async () => {
    const { ended, output } = run(['--port', 'x'])
    expect(await ended).toBe(2)
    expect(output()).toMatch(/^kedge gateway: --port .*\n$/)
  })
})
