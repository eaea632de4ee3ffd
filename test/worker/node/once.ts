/** A program that uses a cache once, in the way that `WAY` names, and then has nothing more to do. */
import process from 'node:process'
import { gateway } from 'kedge/adapters/gateway'
import { createCache } from 'kedge'

const { KAFKA_REST_URL: url = '', WAY: way = '' } = process.env
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled: ${String(error)}\n`)
  process.exit(1)
})

// Only Node's own: another runtime does not load it.
const transport = way.startsWith('transport')
  ? (await import('kedge/adapters/undici')).undici({ keepAlive: '1h' })
  : undefined
const kafka = gateway({ url, ...(transport && { fetch: transport.fetch }) })
const cache = createCache({ kafka, pollTimeout: '2s', maxOutage: '1h' })
const users = cache.namespace<string>('users')

const stop = new AbortController()
const following = way.startsWith('followed') ? cache.follow({ signal: stop.signal }) : undefined
if (way === 'unreachable') await cache.sync()
else {
  while (!(await cache.sync()).proved) await new Promise((resolve) => setTimeout(resolve, 1))
  await users.delete('7')
}
process.stdout.write(`${await users.getOrSet('7', async () => 'Ada')}\n`)

if (way === 'followed and closed') {
  await cache.close()
  await following?.catch(() => undefined)
} else if (way === 'followed') {
  stop.abort()
  await following
}
if (way === 'closed' || way === 'transport closed') await cache.close()
if (way === 'transport closed') await transport?.close()
