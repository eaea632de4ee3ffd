/** The options of `confluent()`, and which address each side of it has. @module */
import type { Options } from '../../../src/api/option-check.ts'
import { check, restShape, transportShape, type TransportOptions, urlOption } from '../../options.ts'
import { oneOf } from '../../option-tests.ts'
import type { Auth, EndpointOptions } from '../rest/endpoint.ts'
import { type InstanceOptions, instanceShape } from '../v2/instance-log.ts'

/** Where to produce, when that is elsewhere or by the v3 API. */
export interface ProduceOptions extends Partial<EndpointOptions> {
  /** @default 'v2' */
  readonly api?: 'v2' | 'v3'
  /**
   * For v3. Confluent Cloud does not answer which it is; your own proxy does.
   * @default the proxy is asked once
   */
  readonly clusterId?: string
}

export interface ConfluentOptions extends TransportOptions, InstanceOptions {
  /**
   * The proxy's address: what stands before `/topics` (v2) and `/v3`. Confluent Cloud: `https://pkc-….confluent.cloud/kafka`.
   * May be left out where `produce` and `read` both have one.
   */
  readonly url?: string
  /** Sent to `url`, never to an address of `produce` or `read`: those have their own. */
  readonly auth?: Auth
  readonly headers?: Readonly<Record<string, string>>
  readonly produce?: ProduceOptions
  /** Where offsets and records are read, when that is elsewhere. */
  readonly read?: Partial<EndpointOptions>
}

const endpointShape: Options = {
  url: urlOption,
  auth: restShape.auth,
  headers: restShape.headers,
}
const shape: Options = {
  ...endpointShape,
  ...transportShape,
  produce: {
    ...endpointShape,
    api: oneOf(['v2', 'v3'], "must be 'v2' or 'v3'"),
    clusterId: instanceShape.group,
  },
  read: endpointShape,
  ...instanceShape,
}

/** @throws TypeError where an option is wrong or unknown. */
export function checkConfluent(options: ConfluentOptions): void {
  check(shape, options, 'confluent')
  const { api = 'v2', clusterId } = options.produce ?? {}
  if (api === 'v2' && clusterId !== undefined) {
    throw new TypeError("`produce.clusterId` needs `produce.api: 'v3'`")
  }
}

/** The endpoint of one side. Credentials stay with the address they were given for. */
export function endpointOf(options: ConfluentOptions, side: 'produce' | 'read'): EndpointOptions {
  const own = options[side] ?? {}
  const url = own.url ?? options.url
  if (url === undefined) throw new TypeError(`\`url\` is missing: give it, or \`${side}.url\``)
  const auth = own.auth ?? (own.url === undefined ? options.auth : undefined)
  const headers = own.headers ?? (own.url === undefined ? options.headers : undefined)
  return { url, ...(auth ? { auth } : {}), ...(headers ? { headers } : {}) }
}
