/** The third way: a handler of one's own, for whatever event, with the cache on its context. @module */
import { withCache } from 'kedge/lambda'
import * as z from 'zod'
import { cache } from './cache.ts'
import type { User } from './user.ts'
import { loadUser } from './users.ts'

const Event = z.object({ user: z.string().min(1).max(1024) })

export const handler = withCache(cache, async (event: unknown, context) => {
  const { user: id } = Event.parse(event)
  const users = context.cache.namespace<User | null>('users')
  const user = await users.getOrSet(id, ({ key, signal }) => loadUser(key, signal))
  return { greeting: user === null ? 'Who are you?' : `Hello ${user.name}!` }
})
