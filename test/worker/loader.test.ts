import { describe, expect, it } from 'vitest'
import { request, world } from '../src/world.ts'
import { ask, makeService, updates } from '../services/loader/services.ts'
import { loaderHandlers } from '../../worker/index.ts'

function handlers(budget: number) {
  const at = world({ isolatesRequests: true })
  let made = 0
  const worker = loaderHandlers(
    (env: { readonly name: string }) => {
      made++
      return makeService(at, {
        users: (keys) => Object.fromEntries(keys.map((key) => [key, `${env.name} ${key}`])),
      }).service
    },
    { budget },
  )
  return {
    at,
    worker,
    get made() {
      return made
    },
  }
}

const env = { name: 'Ada' }
const message = (key: string, deadline: number) => ({ v: 1, op: 'load', ns: 'users', key, deadline })

describe('a loader service on Workers', () => {
  it('answers what is asked while its cron trigger runs, with one service for each isolate', async () => {
    const made = handlers(1000)
    const { at, worker } = made
    const before = at.runtime.monotonic()
    const first = worker.scheduled({}, env, request())
    await at.runtime.advance(100)
    ask(at, '1')
    await at.run(first)
    expect(at.runtime.monotonic() - before).toBeLessThan(1100)
    // What is asked between two runs is answered by the next one.
    ask(at, '2')
    await at.run(worker.scheduled({}, env, request()))
    expect(updates(at).map(({ value }) => value)).toEqual(['Ada 1', 'Ada 2'])
    expect(made.made).toBe(1)
  })

  it('answers the requests of a queue, whatever else its messages hold', async () => {
    const made = handlers(1000)
    const { at, worker } = made
    const bytes = new TextEncoder().encode(JSON.stringify(message('2', at.runtime.now() + 1000)))
    const bodies = [message('1', at.runtime.now() + 1000), bytes.buffer, 'no request', null]
    await at.run(worker.queue({ messages: bodies.map((body) => ({ body })) }, env, request()))
    expect(updates(at).map(({ value }) => value)).toEqual(['Ada 1', 'Ada 2'])
  })

  it('is made again after its creation has failed', async () => {
    let tries = 0
    const worker = loaderHandlers((): never => {
      tries++
      throw new TypeError('`url` is missing')
    })
    const event = () => worker.queue({ messages: [] }, {}, request())
    await expect(event()).rejects.toThrow('`url`')
    await expect(event()).rejects.toThrow('`url`')
    expect(tries).toBe(2)
  })
})
