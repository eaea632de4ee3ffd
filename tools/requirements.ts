/** What the suites need that no registry of npm has. @module */
import { emulatorMissing } from '../test/worker/lambda/emulator.ts'
import { kafkaAvailable } from '../test/kafka/jars.ts'
import { toxiproxyMissing } from '../test/kafka/toxiproxy-binary.ts'
import { memcachedMissing } from '../test/store-servers/memcached.ts'
import { prometheusMissing } from '../test/store-servers/prometheus.ts'
import { redisMissing } from '../test/store-servers/redis.ts'

const NEEDS: readonly (readonly [what: string, missing: () => string | undefined])[] = [
  ['Kafka', kafkaAvailable],
  ['toxiproxy', toxiproxyMissing],
  ['Redis', redisMissing],
  ['Memcached', memcachedMissing],
  ['Prometheus', prometheusMissing],
  ["Lambda's emulator", emulatorMissing],
]

/** What is missing here, and why. */
export const lacks = (): string[] =>
  NEEDS.flatMap(([what, missing]) => {
    const reason = missing()
    return reason === undefined ? [] : [`${what} (${reason})`]
  })
