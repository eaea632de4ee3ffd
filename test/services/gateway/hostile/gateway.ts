/** A gateway in a process of its own, as its attackers see it. @module */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Asked, Used } from './process.ts'

export interface Attacked {
  readonly url: string
  readonly port: number
  used(): Promise<Used>
  /** Resident memory in MiB, now and at its highest. */
  resident(): { readonly now: number; readonly peak: number }
  /** The highest is counted from now on. */
  forgetPeak(): void
  stop(): Promise<void>
}

export async function attacked(asked: Asked = {}): Promise<Attacked> {
  const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), [JSON.stringify(asked)], {
    execArgv: ['--no-warnings'],
    stdio: 'inherit',
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  const field = (name: string) => {
    const text = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)![1]) / 1024
  }
  return {
    url,
    port: Number(new URL(url).port),
    used: async () => {
      const said = once(child, 'message')
      child.send({})
      const [used] = (await said) as [Used]
      return used
    },
    resident: () => ({ now: field('VmRSS'), peak: field('VmHWM') }),
    // proc(5): "5: reset the peak resident set size".
    forgetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, '5'),
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** A client that reads the first line of its answer, and nothing more. */
export class Unreading {
  readonly socket: Socket
  /** The status of the answer, once there is one; `0` when the connection was closed without. */
  readonly status: Promise<number>
  closed = false

  constructor(port: number, text: string) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('error', () => {})
    this.status = new Promise((resolve) => {
      this.socket.once('data', (bytes) => {
        this.socket.pause()
        resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1'))?.[1] ?? 0))
      })
      this.socket.once('close', () => {
        this.closed = true
        resolve(0)
      })
    })
    this.socket.write(text)
  }
}

export function requestText(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = Buffer.byteLength(body)
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('')}content-length: ${length}\r\n\r\n${body}`
}
