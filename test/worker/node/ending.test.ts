/** Nothing of a cache keeps a process alive: when there is nothing more to do, it ends. */
import { describe, expect, it } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import { bundled } from './bundle.ts'
import { gateway, INSTALLED, run } from './program.ts'

/** Connections are kept for much longer; a process that waits for one of them is killed before that. */
const LIMIT_MS = 15_000

const module = await bundled(new URL('once.ts', import.meta.url))

async function nowhere(): Promise<string> {
  const { url, close } = await startGateway()
  await close()
  return url
}

const WAYS = ['used', 'closed', 'followed', 'followed and closed', 'unreachable']

describe.each(INSTALLED)('a process of %s ends by itself', (runtime) => {
  it.each(runtime === 'Node' ? [...WAYS, 'transport', 'transport closed'] : WAYS)(
    'after its cache was %s',
    async (way) => {
      const url = way === 'unreachable' ? await nowhere() : await gateway()
      const { child, ended } = await run(runtime, module, { KAFKA_REST_URL: url, WAY: way })
      const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
      const { code, out, err } = await ended
      clearTimeout(limit)
      expect({ code, err, first: out.split('\n')[0] }).toEqual({ code: 0, err: '', first: 'Ada' })
    },
  )
})
