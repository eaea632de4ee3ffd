import { describe, expect, it } from 'vitest'
import { KedgeError, type KedgeErrorCode } from '../../src/ports/errors.ts'
import { internalProblem, Problem, problemOf } from '../../worker/problem.ts'

const statuses: Record<KedgeErrorCode, number> = {
  ERR_NETWORK: 503,
  ERR_TIMEOUT: 504,
  ERR_HTTP: 502,
  ERR_AUTH: 502,
  ERR_RATE_LIMITED: 503,
  ERR_PROTOCOL: 502,
  ERR_TOO_LARGE: 413,
  ERR_UNKNOWN_TOPIC: 502,
  ERR_UNSUPPORTED: 501,
  ERR_PUBLISH: 503,
  ERR_UNREACHABLE: 503,
  ERR_LOADER_TIMEOUT: 504,
  ERR_STORE_TIMEOUT: 504,
  ERR_OVERLOADED: 503,
  ERR_TOKEN: 400,
  ERR_CODEC: 400,
  ERR_SUPERSEDED: 409,
  ERR_CLOSED: 503,
}

describe('problemOf', () => {
  it.each(Object.entries(statuses))('answers %s with %i and without its message', (code, status) => {
    const error = new KedgeError(code as KedgeErrorCode, 'kafka.internal:8082')
    const problem = problemOf(error)
    expect(problem).toMatchObject({ status, code })
    expect(problem?.message).not.toContain('kafka.internal')
    expect(problem?.headers['retry-after']).toBe(status === 503 ? '1' : undefined)
  })

  it('tells which version of a row has won', async () => {
    const error = new KedgeError('ERR_SUPERSEDED', 'x', { version: 9 })
    expect(await problemOf(error)?.toResponse().json()).toMatchObject({ status: 409, version: 9 })
    expect(await problemOf(new KedgeError('ERR_TOKEN', 'x'))?.toResponse().json()).not.toHaveProperty(
      'version',
    )
  })

  it('knows errors of another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { code: 'ERR_PUBLISH', [Symbol.for('kedge.error')]: true })
    expect(problemOf(foreign)).toMatchObject({ status: 503, code: 'ERR_PUBLISH' })
  })

  it('does not know codes of another release, and all other errors', () => {
    const foreign = Object.assign(new Error('x'), { code: 'constructor', [Symbol.for('kedge.error')]: true })
    for (const error of [foreign, new Error('x'), 'x', undefined, null])
      expect(problemOf(error)).toBeUndefined()
  })

  it('asks to wait as long as the log asked', () => {
    const error = new KedgeError('ERR_RATE_LIMITED', 'x', { retryAfterMs: 61_000 })
    expect(problemOf(error)?.headers).toEqual({ 'retry-after': '61' })
  })
})

describe('Problem', () => {
  it('becomes a response of its media type, never stored', async () => {
    const response = new Problem(404, 'ERR_NO_VALUE', 'None.', { headers: { 'x-y': 'z' } }).toResponse()
    expect(response.status).toBe(404)
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      'x-y': 'z',
    })
  })

  it('says nothing of its cause', async () => {
    const problem = new Problem(502, 'ERR_ORIGIN', 'It fails.', { cause: new Error('secret') })
    expect(await problem.toResponse().text()).not.toContain('secret')
    expect(internalProblem()).toMatchObject({ status: 500, code: 'ERR_INTERNAL' })
  })
})
