import { describe, expect, it } from 'vitest'
import type { Entry } from '../../src/api/read-types.ts'
import { cacheStatusHeaders } from '../../worker/cache-status.ts'

const held: Entry<unknown> = {
  state: 'fresh',
  value: 1,
  ageMs: 2999,
  ttlMs: 57_001,
  cached: true,
  stored: false,
  bypassed: false,
}
const loaded: Entry<unknown> = { ...held, ageMs: 40, cached: false, stored: true }
const none: Entry<unknown> = { ...loaded, state: 'miss', value: undefined, stored: false }

describe('cacheStatusHeaders', () => {
  it('shows a hit, with the seconds that are left and those that passed', () => {
    expect(cacheStatusHeaders(held, true)).toEqual({ 'cache-status': 'kedge; hit; ttl=57', age: '2' })
  })

  it.each(['swr', 'error', 'timeout', 'unreachable'] as const)(
    'shows that a hit is stale: %s',
    (staleBecause) => {
      const entry: Entry<unknown> = { ...held, state: 'stale', ttlMs: -2001, staleBecause }
      expect(cacheStatusHeaders(entry, true)['cache-status']).toBe(
        `kedge; hit; ttl=-3; detail=${staleBecause}`,
      )
    },
  )

  it('shows that a hit came from a shared tier', () => {
    expect(cacheStatusHeaders({ ...held, from: 'tier' }, true)['cache-status']).toBe(
      'kedge; hit; ttl=57; detail=tier',
    )
  })

  it('shows a value that was loaded, and whether it was kept', () => {
    expect(cacheStatusHeaders(loaded, true)).toEqual({ 'cache-status': 'kedge; fwd=miss; stored' })
    expect(cacheStatusHeaders({ ...loaded, stored: false }, true)).toEqual({
      'cache-status': 'kedge; fwd=miss',
    })
  })

  it('shows why a value that was loaded is not kept; what its origin says goes before', () => {
    const fenced: Entry<unknown> = { ...loaded, stored: false, refused: 'fenced' }
    expect(cacheStatusHeaders(fenced, true)['cache-status']).toBe('kedge; fwd=miss; detail=fenced')
    expect(cacheStatusHeaders({ ...fenced, expired: true }, true)['cache-status']).toBe(
      'kedge; fwd=stale; detail=fenced',
    )
    expect(cacheStatusHeaders(fenced, true, 'private')['cache-status']).toBe(
      'kedge; fwd=miss; detail="private"',
    )
  })

  it('shows a load past the cache', () => {
    expect(cacheStatusHeaders({ ...loaded, bypassed: true }, true)).toEqual({
      'cache-status': 'kedge; fwd=bypass',
    })
  })

  it('shows a miss without a value', () => {
    expect(cacheStatusHeaders(none, true)).toEqual({ 'cache-status': 'kedge; fwd=miss' })
    expect(cacheStatusHeaders(none, false)).toEqual({ 'cache-status': 'kedge; detail=absent' })
  })

  it('writes nothing but integers', () => {
    const entry: Entry<unknown> = { ...held, ageMs: -5, ttlMs: Infinity }
    expect(cacheStatusHeaders(entry, true)).toEqual({ 'cache-status': 'kedge; hit; ttl=0', age: '0' })
  })
})
