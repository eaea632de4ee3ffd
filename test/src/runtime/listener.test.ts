import { describe, expect, it } from 'vitest'
import { harmless } from '../../../src/runtime/listener.ts'

describe('a listener made harmless', () => {
  it('gets all that it is called with', () => {
    const told: unknown[] = []
    harmless((...all: unknown[]) => told.push(all))(1, 'two')
    expect(told).toEqual([[1, 'two']])
  })

  it('says nothing of what it throws, or where there is none', () => {
    const broken = harmless(() => {
      throw new Error('mine')
    })
    expect(broken()).toBe(undefined)
    expect(harmless(undefined)()).toBe(undefined)
    expect(harmless(() => null)()).toBe(undefined)
  })

  it('hears the rejection of a promise that is not of this realm', () => {
    let heard = false
    // oxlint-disable-next-line unicorn/no-thenable
    const foreign = { then: (_done: unknown, failed: unknown) => void (heard = typeof failed === 'function') }
    harmless(() => foreign)()
    expect(heard).toBe(true)
  })
})
