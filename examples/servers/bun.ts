/**
 * A cache behind HTTP in Bun: `KAFKA_REST_URL=http://127.0.0.1:8082 bun examples/servers/bun.ts`
 *
 * @module
 */
import process from 'node:process'
import { parts } from './app.ts'

const { KAFKA_REST_URL = 'http://127.0.0.1:8082', PORT = '8080' } = process.env
const { app, cache } = parts(KAFKA_REST_URL)

// The log is followed, so that no request waits for a proof of freshness.
const stop = new AbortController()
const following = cache.follow({ signal: stop.signal })

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  fetch: (request) => app.fetch(request),
})
console.log(`listening on http://${server.hostname}:${server.port}`)

async function end(): Promise<void> {
  // Requests end first; then nothing keeps the process.
  await server.stop()
  stop.abort()
  await following
  await cache.close()
}
process.once('SIGTERM', () => void end())
