import { Hono } from 'hono'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isKedgeError } from '../../../src/index.ts'
import { kafkaHandler, lambdaHandler } from '../../../worker/lambda.ts'
import { alb, albMultiple, v1, v2 } from './http-events.ts'
import { msk, selfManaged } from './kafka-events.ts'

/** An event with something else in one of its places, however deep. */
const broken = (events: readonly object[]) =>
  fc
    .tuple(fc.constantFrom(...events), fc.array(fc.nat(20), { maxLength: 5 }), fc.anything())
    .map(([event, path, value]) => {
      const copy = structuredClone(event)
      let at: Record<string, unknown> = copy as Record<string, unknown>
      for (const [depth, step] of path.entries()) {
        const names = Object.keys(at)
        if (names.length === 0) break
        const name = names[step % names.length]!
        const next = at[name]
        if (depth === path.length - 1 || typeof next !== 'object' || next === null) {
          at[name] = value
          break
        }
        at = next as Record<string, unknown>
      }
      return copy
    })

const hostile = (events: readonly object[]) => fc.oneof(broken(events), fc.anything(), fc.jsonValue())

describe('Whatever the event is', () => {
  it('the HTTP handler answers', async () => {
    const app = new Hono()
    app.all('*', async (c) => c.text(await c.req.text()))
    const handler = lambdaHandler(app)
    const asked = { method: 'POST', path: '/a/b', query: 'c=d', headers: { cookie: 'e=f' }, body: 'g' }
    const events = [v2(asked), v1(asked), alb(asked), albMultiple(asked)]
    await fc.assert(
      fc.asyncProperty(hostile(events), async (event) => {
        const { statusCode, body } = await handler(event)
        expect([200, 400]).toContain(statusCode)
        expect(typeof body).toBe('string')
      }),
      { numRuns: 2000 },
    )
  })

  it('the handler of topics answers, or says that it is none; what it hands on is whole', async () => {
    const handler = kafkaHandler({
      orders: async (records) => {
        for (const { offset, partition, key, value, headers } of records) {
          expect(Number.isSafeInteger(offset) && Number.isSafeInteger(partition)).toBe(true)
          expect([key, value].every((each) => each === null || each instanceof Uint8Array)).toBe(true)
          expect(Array.isArray(headers)).toBe(true)
        }
      },
    })
    const records = [
      { offset: 1, key: 'a', value: { b: 1 } },
      { offset: 2, partition: 3, key: null, value: null },
    ]
    await fc.assert(
      fc.asyncProperty(
        hostile([msk('orders', ...records), selfManaged('orders', ...records)]),
        async (event) => {
          const answer = await handler(event).catch((error: unknown) => error)
          if (isKedgeError(answer)) expect(answer.code).toBe('ERR_PROTOCOL')
          else expect(answer).toEqual({ batchItemFailures: [] })
        },
      ),
      { numRuns: 2000 },
    )
  })
})
