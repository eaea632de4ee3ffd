import { describe, expect, it } from 'vitest'
import { createLoader } from '../../../services/loader/index.ts'
import type { LoaderDefinition } from '../../../services/loader/index.ts'
import { memory } from '../../../src/testing/index.ts'

interface User {
  readonly team: string
}

describe('loaders', () => {
  it('of several types stand beside each other, as functions and as definitions', () => {
    const users: LoaderDefinition<User> = {
      load: () => new Map([['7', { team: 'red' }]]),
      tags: (user) => [`team:${user.team}`],
    }
    const prices = {
      load: async () => ({ tea: 3 }),
      ttl: (price: number) => (price > 2 ? '1m' : '5m'),
    } as const
    const loaders = {
      users,
      prices,
      names: async (ids: readonly string[]) => new Map(ids.map((id) => [id, id])),
    }
    expect(createLoader({ kafka: memory(), loaders }).stats()).toMatchObject({ requests: 0, queued: 0 })
  })
})
