/** The routes for many behind `lambdaHandler`, which sends an answer when it is whole. */
import { expect, it } from 'vitest'
import { createCache } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { lambdaHandler } from '../../../worker/lambda.ts'
import { openToAll } from '../../../worker/index.ts'
import { v2 } from './http-events.ts'

it('a function of Lambda answers with a dump as far as Lambda takes it, and with no stream', async () => {
  const cache = createCache({ kafka: memory() })
  const users = cache.namespace<string>('users')
  await cache.sync()
  for (let n = 0; n < 6; n++) await users.getOrSet(`${n}`, () => 'x'.repeat(900_000))
  const handler = lambdaHandler({ cache, auth: openToAll, namespaces: ['users'] })
  expect(await handler(v2({ path: '/cache/users/events' }))).toMatchObject({ statusCode: 501 })
  const { statusCode, body, isBase64Encoded } = await handler(v2({ path: '/cache/users/dump' }))
  expect([statusCode, isBase64Encoded]).toEqual([200, true])
  expect(body.length).toBeLessThan(6_000_000)
  const lines = atob(body).trim().split('\n')
  expect(JSON.parse(lines.at(-1)!)).toEqual({ v: 1, op: 'end', values: 4, omitted: 0, complete: false })
  await cache.close()
})
