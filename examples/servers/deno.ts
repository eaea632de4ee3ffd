/**
 * A cache behind HTTP in Deno:
 * `KAFKA_REST_URL=http://127.0.0.1:8082 deno run --allow-net --allow-env examples/servers/deno.ts`
 *
 * @module
 */
import { parts } from './app.ts'

const { app, cache } = parts(Deno.env.get('KAFKA_REST_URL') ?? 'http://127.0.0.1:8082')

// The log is followed, so that no request waits for a proof of freshness.
const stop = new AbortController()
const following = cache.follow({ signal: stop.signal })

const server = Deno.serve(
  {
    hostname: '127.0.0.1',
    port: Number(Deno.env.get('PORT') ?? 8080),
    onListen: ({ hostname, port }) => console.log(`listening on http://${hostname}:${port}`),
  },
  (request) => app.fetch(request),
)

async function end(): Promise<void> {
  // Requests end first; then nothing keeps the process.
  await server.shutdown()
  stop.abort()
  await following
  await cache.close()
}
Deno.addSignalListener('SIGTERM', () => void end())
