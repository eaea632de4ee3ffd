/**
 * The least that waiting costs: a bare server of Node in the place of the gateway, which answers the same requests with
 * the same bytes and does nothing else. There is no broker, no log, and nothing is checked. `node gateway-floor.ts`;
 * answers the measuring process as `gateway-process.ts` does.
 *
 * @module
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { Answer, Question, Standing } from './gateway-process.ts'

const OFFSETS = { 'content-type': 'application/vnd.kafka.v2+json', 'kedge-log-id': 'floor' }
const value = Buffer.from(JSON.stringify({ key: 'x'.repeat(150) })).toString('base64')

let answered = 0
let begun = 0
let end = 0
let wanted = Infinity
let last = '[]'
const waiting = new Map<ServerResponse, NodeJS.Timeout>()

const server = createServer((request, response) => {
  begun++
  const url = request.url ?? ''
  if (request.method === 'POST') {
    request.resume()
    const offset = end++
    last = JSON.stringify([{ topic: 't', key: null, value, partition: 0, offset }])
    for (const [one, timer] of waiting) {
      clearTimeout(timer)
      tell(one, last)
    }
    waiting.clear()
    finish(response, OFFSETS, JSON.stringify({ offsets: [{ partition: 0, offset }] }))
  } else if (url.includes('/records')) {
    const [, from, ms] = /[?&]offset=(\d+)&timeout=(\d+)/.exec(url) ?? []
    const over = () => {
      waiting.delete(response)
      tell(response, '[]')
    }
    // One whose time ended just before the record came asks for it now.
    if (Number(from) < end) tell(response, last)
    else waiting.set(response, setTimeout(over, Number(ms)))
  } else if (url.endsWith('/offsets')) {
    finish(response, OFFSETS, JSON.stringify({ beginning_offset: 0, end_offset: end }))
  } else finish(response, OFFSETS, JSON.stringify({ partitions: [{ partition: 0 }] }))
  announce()
})
server.maxConnections = 20_000
server.keepAliveTimeout = 65_000
process.on('message', (question: Question) => {
  if (question.ask === 'standing') return send({ standing: standing(question.collect) })
  wanted = question.count
  return announce()
})
process.once('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) send({ url: `http://127.0.0.1:${address.port}` })
})

function tell(response: ServerResponse, body: string): void {
  const type = 'application/vnd.kafka.binary.v2+json'
  finish(response, { 'content-type': type, 'kedge-log-id': 'floor', 'kedge-next-offset': String(end) }, body)
}

function finish(response: ServerResponse, headers: Readonly<Record<string, string>>, body: string): void {
  answered++
  response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

function announce(): void {
  if (begun - answered < wanted) return
  wanted = Infinity
  setImmediate(() => send({ waiting: begun - answered }))
}

function standing(collect: boolean): Standing {
  const { user, system } = process.cpuUsage()
  if (collect) globalThis.gc?.()
  const { rss, heapUsed: heap } = process.memoryUsage()
  return { cpuMs: (user + system) / 1000, answered, reads: 0, bounds: 0, rss, heap }
}

function send(answer: Answer): void {
  if (process.connected) process.send!(answer)
}
