/** What stands outside of the runtime under test: a gateway over a log in memory, and a writer that changes it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startGateway } from '../../services/gateway/index.ts'
import type { Outside } from './over-http.ts'

export interface RunningOutside extends Outside {
  close(): Promise<void>
}

export async function startOutside(): Promise<RunningOutside> {
  const gateway = await startGateway({ memory: { autoCreate: false }, upstash: true })
  let topics = 0
  const change = ({ pathname, searchParams }: URL): string => {
    const number = (name: string) => Number(searchParams.get(name))
    const topic = searchParams.get('topic') ?? `topic-${topics++}`
    if (pathname === '/topic') gateway.log.createTopic(topic, { partitions: number('partitions') })
    else if (pathname === '/recreate') gateway.log.recreateTopic(topic)
    else if (pathname === '/truncate') gateway.log.truncate(topic, number('partition'), number('offset'))
    else throw new Error(`there is no ${pathname}`)
    return topic
  }
  const server = createServer((request, response) => {
    try {
      response.end(change(new URL(request.url ?? '/', 'http://outside')))
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    gateway: gateway.url,
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await gateway.close()
    },
  }
}
