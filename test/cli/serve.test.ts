import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/runtime.ts'
import { kedge, proxy } from './harness.ts'

describe('kedge serve', () => {
  it('names the option that is too short for the polls of its proxy', async () => {
    const gateway = proxy()
    const slow: typeof fetch = async (input, init) => {
      await new Promise((resolve) => setTimeout(resolve, 25))
      return gateway.fetch(input, init)
    }
    const stop = new AbortController()
    const args = ['--port', '0', '--open', '--transport', 'fetch', '--max-staleness', '200ms']
    const { code, err } = await kedge(['serve', ...args, '--poll-timeout', '10ms'], {
      fetch: slow,
      stop: stop.signal,
      runtime: systemRuntime(),
      onErr: (text) => text.includes('raise it') && stop.abort(),
    })
    expect(err).toMatch(/polls take \d+ ms, longer than --poll-timeout \(10 ms\): raise it/)
    expect(code).toBe(0)
  })

  it('refuses a time in which no poll ends, with 2', async () => {
    const { fetch } = proxy()
    const { code, err } = await kedge(
      ['serve', '--port', '0', '--open', '--transport', 'fetch', '--poll-timeout', '0'],
      { fetch },
    )
    expect(err).toMatch(/`pollTimeout` must be longer than 0/)
    expect(code).toBe(2)
  })
})
