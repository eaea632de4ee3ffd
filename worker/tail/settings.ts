/** The tail of the deployable worker, as its bindings name it. @module */
import { cacheApiStore, tail } from '../../adapters/sharing/tail.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import type { KafkaSettings } from '../kafka-log.ts'
import type { Variables } from '../variables.ts'
import { durableTail, type TailNamespace } from './durable-tail.ts'
import type { TailRegion } from './regions.ts'

/** Proofs in the Cache API of a data center, and the key that they are signed with. */
interface StoreSettings {
  /** Of the cache. It keeps the proofs of one deployment from those of another. */
  readonly name: string
  readonly secret: string
}

/** Who samples the log for this isolate. */
export type TailSettings = { readonly topic: string; readonly store: StoreSettings | undefined } & (
  | {
      readonly kind: 'durable-object'
      readonly namespace: TailNamespace
      /** `undefined`: by the first request of the isolate. */
      readonly region: TailRegion | undefined
      readonly shards: number | undefined
      /** The gateway that the object opens a socket to. `undefined`: it asks its log by requests. */
      readonly socket: GatewayAddress | undefined
    }
  | ({ readonly kind: 'gateway' } & GatewayAddress)
)

type GatewayAddress = Pick<GatewaySettings, 'url' | 'auth'>

type GatewaySettings = Extract<KafkaSettings, { readonly flavor: 'gateway' | 'confluent' }>

const OF_OBJECTS = ['TAIL_REGION', 'TAIL_SHARDS', 'TAIL_UPSTREAM'] as const
const OF_TAIL = ['TAIL_STORE', 'TAIL_SECRET', ...OF_OBJECTS] as const

/** The tail that the variables name, or what is wrong with them. */
export function readTail(
  variables: Variables,
  kafka: KafkaSettings,
): TailSettings | undefined | { readonly fault: string } {
  const { TAIL: kind, TAIL_STORE, TAIL_SECRET: secret, KEDGE_TAIL: namespace } = variables
  const given = (name: keyof Variables) => variables[name] !== undefined
  if (kind === undefined) {
    const alone = OF_TAIL.find(given)
    return alone && { fault: `\`${alone}\` needs \`TAIL\`.` }
  }
  if ((TAIL_STORE === undefined) !== (secret === undefined))
    return { fault: '`TAIL_STORE` and `TAIL_SECRET` go together: set both, or neither.' }
  const store = secret === undefined ? undefined : { name: `${variables.TIER_PREFIX}-tail`, secret }
  const shared = { topic: variables.EVICTIONS_TOPIC, store }
  if (kind === 'durable-object') {
    if (namespace === undefined)
      return { fault: '`KEDGE_TAIL`, a Durable Object namespace, is needed with `TAIL` durable-object.' }
    const { TAIL_REGION: region, TAIL_SHARDS: shards, TAIL_UPSTREAM: upstream } = variables
    const object = { kind, namespace, region, shards, ...shared }
    if (upstream !== 'socket') return { ...object, socket: undefined }
    if (kafka.flavor !== 'gateway') return { fault: '`TAIL_UPSTREAM` socket needs `KAFKA_FLAVOR` gateway.' }
    return { ...object, socket: addressOf(kafka) }
  }
  const foreign = OF_OBJECTS.find(given)
  if (foreign !== undefined) return { fault: `\`${foreign}\` is for \`TAIL\` durable-object.` }
  // No proxy but a gateway answers its route.
  if (kafka.flavor !== 'gateway') return { fault: '`TAIL` gateway needs `KAFKA_FLAVOR` gateway.' }
  return { kind, ...addressOf(kafka), ...shared }
}

const addressOf = ({ url, auth }: GatewaySettings): GatewayAddress => ({ url, ...(auth && { auth }) })

/**
 * @param region where the isolate is, as far as its requests have said
 * @throws TypeError where a setting is refused
 */
export function tailOf(
  settings: TailSettings,
  origin: KafkaLog,
  region: () => TailRegion | undefined,
): KafkaLog {
  const { topic, store } = settings
  return tail({
    origin,
    topics: [topic],
    ...(settings.kind === 'gateway'
      ? { url: settings.url, ...(settings.auth && { auth: settings.auth }) }
      : {
          ask: durableTail(settings.namespace, {
            topic,
            region: settings.region ?? region,
            ...(settings.shards !== undefined && { shards: settings.shards }),
          }),
        }),
    ...(store && {
      store: cacheApiStore(() => caches.open(store.name), { origin: `https://${store.name}.invalid` }),
      secret: store.secret,
    }),
  })
}
