/** What a push of metrics takes, and what each option must be. @module */
import type { Options } from '../../../src/api/option-check.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import type { EndpointOptions } from '../../kafka/rest/endpoint.ts'
import { callback, count, duration, filled, oneOf, text } from '../../option-tests.ts'
import { restShape, type TransportOptions } from '../../options.ts'
import type { Attributes } from './points.ts'
import { resourceOption } from './resource.ts'

export interface OtlpOptions
  extends Omit<EndpointOptions, 'url'>, Omit<TransportOptions, 'maxResponseBytes'> {
  /** The base address of an OTLP/HTTP receiver, `http://127.0.0.1:4318`: metrics go to `/v1/metrics` below it. */
  readonly url: string
  /** `service.name`. @default 'kedge' */
  readonly service?: string
  /**
   * Further attributes of the resource, `cloud.region` and the like: at most 64. `service.instance.id` is a random one
   * of each isolate where it is not given here; two processes must not share one, because their deltas would be mixed up.
   */
  readonly resource?: Attributes
  /** How often there is a push, at most: looked at when a request begins or ends, without a timer. @default '10s' */
  readonly interval?: Duration
  /**
   * Whether a request pushes when it ends, with itself counted, or when it begins, so that the push runs beside the handler:
   * for Lambda, which waits for background work before it answers. @default 'end'
   */
  readonly boundary?: 'start' | 'end'
  /** Namespaces that have series of their own: those that come after them are `other`. @default 100 */
  readonly maxNamespaces?: number
  /** Called with each push that failed. Without it failures are counted alone. */
  readonly onError?: (error: unknown) => void
}

const { url, auth, headers, requestTimeout, fetch } = restShape
export const OPTIONS: Options = {
  url,
  auth,
  headers,
  requestTimeout,
  fetch,
  service: filled(text),
  resource: resourceOption,
  interval: duration,
  boundary: oneOf(['start', 'end'], "must be 'start' or 'end'"),
  maxNamespaces: count(1, 100, 'must be a whole number from 1 to 100'),
  onError: callback,
}
