/**
 * A cache behind HTTP in Node: `KAFKA_REST_URL=http://127.0.0.1:8082 node examples/servers/node.ts`
 *
 * @module
 */
import process from 'node:process'
import { undici } from 'kedge/adapters/undici'
import { serve } from 'kedge/node'
import { parts } from './app.ts'

const { KAFKA_REST_URL = 'http://127.0.0.1:8082', PORT = '8080' } = process.env

const transport = undici()
const server = await serve({ ...parts(KAFKA_REST_URL, transport.fetch), port: Number(PORT) })
console.log(`listening on ${server.url}`)

async function end(): Promise<void> {
  // Requests end, the log is not followed any more, the cache is closed; then nothing keeps the process.
  await server.close()
  await transport.close()
}
process.once('SIGTERM', () => void end())
