/** What stands behind `kedge gateway`. @module */
import { UsageError } from './failure.ts'
import { OF_MEMORY } from './gateway-memory.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import { brokers } from './settings/cluster.ts'
import { logKind, upstream } from './settings/gateway.ts'
import type { LogKind } from './settings/gateway.ts'

export type GatewayKind = LogKind | 'upstream'

/** @throws UsageError where settings contradict each other */
export function kindOf(values: ResolvedSettings): GatewayKind {
  const kind = values.get(upstream) === undefined ? logOf(values) : alone(values)
  const lost = kind !== 'memory' && OF_MEMORY.find((each) => values.source(each) === 'flag')
  if (lost) throw new UsageError(`${lost.flag.split(' ')[0]} needs --log memory`)
  return kind
}

function logOf(values: ResolvedSettings): LogKind {
  const cluster = values.get(brokers) !== undefined
  const kind = values.get(logKind) ?? (cluster ? 'kafka' : 'memory')
  if (kind === 'kafka' && !cluster)
    throw new UsageError('--log kafka needs --brokers: give it, or set KEDGE_BROKERS')
  if (kind === 'memory' && values.source(brokers) === 'flag')
    throw new UsageError('--log memory and --brokers exclude each other: leave out one')
  return kind
}

/** Brokers of the environment or the file may be there for other commands, as with a log in memory. */
function alone(values: ResolvedSettings): 'upstream' {
  const other =
    values.source(brokers) === 'flag' ? brokers : values.source(logKind) === 'default' ? undefined : logKind
  if (!other) return 'upstream'
  throw new UsageError(
    `${values.place(upstream)} and ${values.place(other)} exclude each other: leave out one`,
  )
}
