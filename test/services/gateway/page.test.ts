/** The exchanges of docs/gateway.md are what the gateway says. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bytes, harness, JSON_FORMAT, V2 } from './harness.ts'

const page = readFileSync(new URL('../../../docs/gateway.md', import.meta.url), 'utf8')
const exchanges = [...page.matchAll(/^```http\n([^]*?)^```$/gm)].map(([, text = '']) => {
  const lines = text.trim().split('\n')
  return lines.flatMap((line, at) => (at % 2 === 0 ? [{ request: line, answer: lines[at + 1]! }] : []))
})

describe('the exchanges of the page', () => {
  it('are there', () => {
    expect(exchanges.map(({ length }) => length)).toEqual([7, 4])
  })

  it.each(exchanges.map((exchange, at) => [at, exchange] as const))(
    'are had, block %i',
    async (_, exchange) => {
      const h = harness({ topics: { orders: 1, mixed: 1 } })
      h.log.append('orders', { key: bytes('7'), value: bytes('{"id":9007199254740993}') })
      for (const text of ['1', 'x', '2']) h.log.append('mixed', { key: null, value: bytes(text) })
      await h.post(
        '/consumers/log',
        { name: 'two', format: 'json', 'auto.offset.reset': 'earliest', 'fetch.min.bytes': 0 },
        V2,
      )
      await h.post(
        '/consumers/log/instances/two/assignments',
        { partitions: [{ topic: 'mixed', partition: 0 }] },
        V2,
      )
      for (const { request, answer } of exchange) {
        const [, method = '', path = '', body] = /^([A-Z]+) (\S+)(?: (.*))?$/.exec(request)!
        const accept = path.endsWith('/records') ? JSON_FORMAT : V2
        const headers = { accept, ...(body !== undefined && { 'content-type': V2 }) }
        const asked = h.app.request(path, { method, headers, ...(body !== undefined && { body }) })
        let answered = false
        void Promise.resolve(asked).then(() => (answered = true))
        // A poll that has found something may wait for more.
        for (let turn = 0; turn < 1000 && !answered; turn++) {
          await new Promise((resolve) => setImmediate(resolve))
          if (h.clock.sleeping > 0) h.clock.advance(1000)
        }
        const response = await asked
        expect(`${response.status} ${await response.text()}`.trim()).toBe(answer)
      }
      expect(h.errors).toEqual([])
    },
  )
})
