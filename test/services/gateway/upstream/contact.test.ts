import { describe, expect, it } from 'vitest'
import { confluent } from '../../../../adapters/kafka/confluent.ts'
import { upstreamCluster } from '../../../../services/gateway/index.ts'
import { KedgeError } from '../../../../src/ports/errors.ts'
import type { KedgeErrorCode } from '../../../../src/ports/errors.ts'
import { BARE, world } from './world.ts'

const failing = (code: KedgeErrorCode, retryable = true) =>
  new KedgeError(code, 'no answer from http://10.0.0.7:8082', { retryable })

describe('An upstream that is away', () => {
  it.each([
    ['ERR_NETWORK', 'unavailable', 'the upstream does not answer'],
    ['ERR_TIMEOUT', 'unavailable', 'the upstream does not answer in time'],
    ['ERR_HTTP', 'unavailable', 'the upstream answers with errors'],
    ['ERR_PROTOCOL', 'unavailable', 'the upstream does not answer in its protocol'],
    ['ERR_AUTH', 'forbidden', 'the upstream refuses the credentials of the gateway'],
  ] as const)(
    'shows in the answers to clients and to probes, without its address: %s',
    async (code, reason, problem) => {
      const contacts: unknown[] = []
      const { cluster, log, meanwhile } = world({ onContact: (error) => contacts.push(error) })
      await cluster.offsets('t', 0)
      expect(cluster.problem()).toBeUndefined()
      const error = failing(code)
      log.fail(error)
      for (let calls = 0; calls < 3; calls++)
        await expect(meanwhile(cluster.offsets('t', 0))).rejects.toMatchObject({
          reason,
          message: expect.not.stringContaining('10.0.0.7'),
        })
      expect(cluster.problem()).toBe(problem)
      log.fail()
      await meanwhile(cluster.offsets('t', 0))
      expect(cluster.problem()).toBeUndefined()
      // Once for each change, with what a log of the gateway's own may say.
      expect(contacts).toEqual([undefined, error, undefined])
    },
  )

  it('is asked by the probes themselves, where no client does', async () => {
    const { cluster, log, runtime } = world({ capabilities: BARE })
    expect(cluster.problem()).toBe('the upstream has not answered yet')
    await runtime.settle()
    expect(cluster.problem()).toBeUndefined()
    log.fail(failing('ERR_NETWORK'))
    for (let probes = 0; probes < 10; probes++) {
      await runtime.advance(1000)
      cluster.problem()
    }
    await runtime.settle()
    expect(cluster.problem()).toBe('the upstream does not answer')
    log.fail()
    await runtime.advance(2000)
    cluster.problem()
    await runtime.settle()
    expect(cluster.problem()).toBeUndefined()
    expect(log.calls.offsets).toBeLessThan(10)
  })

  it.each([
    ['has not the topic', 'ERR_UNKNOWN_TOPIC', 't'],
    ['refuses what was sent', 'ERR_HTTP', 't'],
    ['refuses another topic alone', 'ERR_AUTH', 'u'],
  ] as const)('is not away because it %s', async (_, code, topic) => {
    const { cluster, log, meanwhile } = world()
    await cluster.offsets('t', 0)
    log.fail(failing(code, false))
    await expect(meanwhile(cluster.offsets(topic, 0))).rejects.toThrow()
    expect(cluster.problem()).toBeUndefined()
  })

  it('is away where a write could not reach it', async () => {
    const { cluster, log } = world()
    await cluster.offsets('t', 0)
    const cause = failing('ERR_NETWORK')
    log.fail(new KedgeError('ERR_PUBLISH', 'not acknowledged', { cause, retryable: true }), { on: 'produce' })
    await cluster.append('t', [{ key: null, value: null }])
    expect(cluster.problem()).toBe('the upstream does not answer')
  })

  it('passes on for how long it wants to be left alone', async () => {
    const { cluster, log } = world()
    log.fail(new KedgeError('ERR_RATE_LIMITED', 'slow down', { retryable: true, retryAfterMs: 6500 }))
    await expect(cluster.offsets('t', 0)).rejects.toMatchObject({ reason: 'busy', retryAfter: 7 })
  })

  it('is not back because it limits its requests: a gateway answers so to wrong credentials as well', async () => {
    const contacts: unknown[] = []
    const { cluster, log, meanwhile } = world({ onContact: (error) => contacts.push(error) })
    const refused = failing('ERR_AUTH', false)
    log.fail(refused)
    await expect(meanwhile(cluster.offsets('t', 0))).rejects.toMatchObject({ reason: 'forbidden' })
    log.fail(failing('ERR_RATE_LIMITED'))
    await expect(meanwhile(cluster.offsets('t', 0))).rejects.toMatchObject({ reason: 'busy' })
    expect(cluster.problem()).toBe('the upstream refuses the credentials of the gateway')
    expect(contacts).toEqual([refused])
  })

  it('is not away because it limits its requests, but has to answer one before it counts as there', async () => {
    const { cluster, log, meanwhile } = world()
    log.fail(failing('ERR_RATE_LIMITED'))
    await expect(meanwhile(cluster.offsets('t', 0))).rejects.toMatchObject({ reason: 'busy' })
    expect(cluster.problem()).toBe('the upstream takes no more requests for now')
    log.fail()
    await meanwhile(cluster.offsets('t', 0))
    log.fail(failing('ERR_RATE_LIMITED'))
    await expect(meanwhile(cluster.offsets('t', 0))).rejects.toMatchObject({ reason: 'busy' })
    expect(cluster.problem()).toBeUndefined()
  })

  it('is one that answers garbage', async () => {
    const cluster = upstreamCluster(
      confluent({ url: 'http://proxy.test', fetch: async () => new Response('<html>welcome</html>') }),
    )
    await expect(cluster.offsets('t', 0)).rejects.toMatchObject({ reason: 'unavailable', retryAfter: 1 })
  })
})

describe('A relay that stops', () => {
  it('ends the calls that are under way at the upstream, and closes it once', async () => {
    let closed = 0
    const { cluster, log, read, runtime } = world({
      wrapped: (inner) => ({ ...inner, close: async () => void closed++ }),
    })
    log.pause()
    const calls = [
      cluster.offsets('t', 0),
      cluster.append('t', [{ key: null, value: null }]).then(([result]) => Promise.reject(result?.refusal)),
      cluster.describe('t'),
      read(0),
    ]
    await runtime.settle()
    await Promise.all([cluster.close(), cluster.close()])
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ status: 'rejected', reason: { reason: 'unavailable' } })
    expect(closed).toBe(1)
    // What the gateway's own end does is no fault of the upstream.
    expect(cluster.problem()).toBe('the upstream has not answered yet')
  })

  it('ends a call with the signal of its client alone', async () => {
    const { cluster, log, read, runtime } = world({ capabilities: { longPoll: false } })
    log.pause()
    const stop = new AbortController()
    const [one, other] = [read(0, { maxBytes: 1, waitMs: 0, signal: stop.signal }), cluster.offsets('t', 0)]
    const gone = expect(one).rejects.toThrow('gone')
    await runtime.settle()
    stop.abort(new Error('gone'))
    await gone
    log.resume()
    expect(await other).toMatchObject({ end: 0 })
  })
})
