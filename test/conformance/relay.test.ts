/** The contract of a log, with a relay between the client and the gateway. */
import { describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { startGateway, upstreamCluster } from '../../services/gateway/index.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'
import { SUITES } from './suites.ts'
import { withoutIdentity } from './without-identity.ts'

type Connect = (url: string) => KafkaLog

/** `client` asks a relay, which asks the gateway by `upstream`. */
const relayed = (upstream: Connect, client: Connect) =>
  overGateway(async (url) => {
    const cluster = upstreamCluster(upstream(url))
    const relay = await startGateway({ cluster })
    const log = client(relay.url)
    return {
      ...log,
      async close() {
        await log.close?.()
        await relay.close()
        await cluster.close()
      },
    }
  })

logSuite({
  ...SUITES.stateless,
  name: 'gateway() over a relay before a gateway',
  create: () =>
    relayed(
      (url) => gateway({ url }),
      (url) => gateway({ url }),
    ),
  describe,
  it,
  expect,
})

logSuite({
  ...SUITES.instances,
  name: 'confluent() over a relay before a proxy that tells no identity',
  create: () =>
    relayed(
      (url) => confluent({ url, fetch: withoutIdentity }),
      (url) => confluent({ url }),
    ),
  describe,
  it,
  expect,
})
