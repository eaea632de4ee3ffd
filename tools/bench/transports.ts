/** Transports beside the global `fetch`, in rounds. @module */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { rounds } from './rounds.ts'
import { spreadOf } from './statistics.ts'
import type { Spread } from './statistics.ts'
import { TRANSPORTS, USES } from './transport.ts'
import type { Cost, TransportSample } from './transport.ts'

const SERVER = fileURLToPath(new URL('transport-server.ts', import.meta.url))
const [FLOOR] = TRANSPORTS

/** A cost, and its ratio to that of the global `fetch` in the same round. */
export interface Relative {
  readonly value: Spread
  readonly paired: Spread
}

export interface TransportUse {
  readonly title: string
  readonly rows: readonly { readonly transport: string; readonly us: Relative; readonly cpuUs: Relative }[]
}

/** @throws Error when a transport could not be measured. */
export async function measureTransports(
  count: number,
  random: () => number,
  requests: number,
  progress: (text: string) => void,
): Promise<TransportUse[]> {
  const server = fork(SERVER, [], { execArgv: ['--no-warnings'], stdio: 'inherit' })
  try {
    const [url] = (await once(server, 'message')) as [string]
    const samples = await rounds<TransportSample>(
      [TRANSPORTS],
      count,
      random,
      (subject) => ({ measure: 'transport', subject, url, requests }),
      progress,
    )
    return Object.entries(USES).map(([use, title]) => {
      const costs = (transport: string, of: keyof Cost): number[] =>
        samples.get(transport)!.map((sample) => sample[use as keyof typeof USES][of])
      const relative = (transport: string, of: keyof Cost): Relative => {
        const floor = costs(FLOOR, of)
        const own = costs(transport, of)
        return { value: spreadOf(own), paired: spreadOf(own.map((each, round) => each / floor[round]!)) }
      }
      const rows = TRANSPORTS.map((transport) => ({
        transport,
        us: relative(transport, 'us'),
        cpuUs: relative(transport, 'cpuUs'),
      }))
      return { title, rows }
    })
  } finally {
    if (server.connected) server.disconnect()
  }
}
