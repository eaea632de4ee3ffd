/**
 * A gateway on a log in memory, in a process of its own, so that what it costs is not mixed with what its clients cost.
 * Started by `fork`: sends where it listens, then answers each message with what it has used.
 *
 * @module
 */
import { startGateway } from '../../../../services/gateway/index.ts'
import type { GatewayLimits } from '../../../../services/gateway/index.ts'
import { atEachLook } from './thread-time.ts'

export interface Used {
  /** Milliseconds of processor time since the start, of all threads. */
  readonly cpuMs: number
  /** What the thread of the event loop computed between two looks at its timers, in milliseconds: the 99th of 100. */
  readonly busyP99Ms: number
  readonly busyMaxMs: number
}

export interface Asked {
  readonly limits?: GatewayLimits
  readonly maxConnections?: number
}

/** Each of them nearly as large as a broker's largest. */
const LARGE = { count: 14, bytes: 700_000 }

const { limits = {}, maxConnections } = JSON.parse(process.argv[2] ?? '{}') as Asked
const gateway = await startGateway({
  limits,
  upstash: true,
  ...(maxConnections !== undefined && { maxConnections }),
  memory: { topics: { large: 1, t: 1 } },
})
for (let left = LARGE.count; left > 0; left--) {
  gateway.log.append('large', { key: null, value: new Uint8Array(LARGE.bytes).fill(0x61) })
}
const busy = atEachLook()

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!({ cpuMs: (user + system) / 1000, ...busy.taken() } satisfies Used)
})
process.once('disconnect', () => process.exit())
process.send!({ url: gateway.url })
