/** What the suites need that no registry of npm has. @module */
import { buildahMissing } from '../test/deploy/buildah.ts'
import { helmMissing } from '../test/deploy/helm.ts'
import { schemasMissing } from '../test/deploy/schemas.ts'
import { chromiumMissing } from '../test/browser/chromium.ts'
import { emulatorMissing } from '../test/worker/lambda/emulator.ts'
import { kafkaAvailable } from '../test/kafka/jars.ts'
import { toxiproxyMissing } from '../test/kafka/toxiproxy-binary.ts'
import { memcachedMissing } from '../test/store-servers/memcached.ts'
import { prometheusMissing, promtoolMissing } from '../test/store-servers/prometheus.ts'
import { redisMissing } from '../test/store-servers/redis.ts'

const NEEDS: readonly (readonly [what: string, missing: () => string | undefined])[] = [
  ['Kafka', kafkaAvailable],
  ['toxiproxy', toxiproxyMissing],
  ['Redis', redisMissing],
  ['Memcached', memcachedMissing],
  ['Prometheus', prometheusMissing],
  ['Chromium, which looks at the live page', chromiumMissing],
  ["Lambda's emulator", emulatorMissing],
  ['promtool, which checks the configuration of Prometheus', promtoolMissing],
  ['Helm, which renders the chart', helmMissing],
  ["Kubernetes' schemas, which the chart is held to", schemasMissing],
  ['buildah, which builds the image', buildahMissing],
]

/** What is missing here, and why. */
export const lacks = (): string[] =>
  NEEDS.flatMap(([what, missing]) => {
    const reason = missing()
    return reason === undefined ? [] : [`${what} (${reason})`]
  })
