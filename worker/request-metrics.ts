/** What counts the requests of an app: `otlpMetrics()`, say. @module */
import type { AnsweredRequest } from '../adapters/metrics/otlp/requests.ts'
import type { RequestContext } from '../src/api/read-types.ts'
import { harmless } from '../src/runtime/listener.ts'

export type { AnsweredRequest } from '../adapters/metrics/otlp/requests.ts'

/** What counts requests, and does at their boundaries what is due. `OtlpMetrics` is one. */
export interface RequestMetrics {
  /** A request begins. What it returns is to be called when the answer begins, or with nothing where there is none. */
  begin(context: RequestContext): (answered?: AnsweredRequest) => void
}

/** A request is answered, whatever becomes of what counts it. */
export function begun(metrics: RequestMetrics, context: RequestContext): ReturnType<RequestMetrics['begin']> {
  let ended: ReturnType<RequestMetrics['begin']> | undefined
  harmless(() => (ended = metrics.begin(context)))()
  return harmless(ended)
}
