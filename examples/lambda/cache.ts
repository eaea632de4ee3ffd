/** One cache for the process: it outlives the invocations, also while it is frozen between them. @module */
import { createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { settings } from './settings.ts'
import { User } from './user.ts'

export const cache = createCache({
  kafka: gateway({ url: settings.KAFKA_REST_URL }),
  maxStaleness: '2s',
  // The handler awaits a background poll before it answers, so it saves no time: poll when a read needs it.
  refreshAfter: '2s',
})

cache.namespace<User | null>('users', {
  schema: User.nullable(),
  // That there is no such user is remembered too, but not for long.
  ttl: (user) => (user === null ? '10s' : '5m'),
  tags: (user) => (user === null ? [] : [`team:${user.team}`]),
})
