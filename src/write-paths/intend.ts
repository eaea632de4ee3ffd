/** Announces a write to the source. @module */
import type { FeatureScope } from '../api/feature.ts'
import type { IntentMessage } from '../wire/messages.ts'
import type { Published, Publisher } from '../write/publisher.ts'

/** What an intent says. */
export type IntentBody = Omit<IntentMessage, 'v' | 'op' | 'ns' | 'from'>

/** @throws KedgeError `ERR_PUBLISH` when the intent is not acknowledged: it may or may not be in the log. */
export async function intend(
  publisher: Publisher,
  namespace: string,
  partition: number,
  body: IntentBody,
  signal: AbortSignal | undefined,
  scope: FeatureScope,
): Promise<Published[]> {
  const message: IntentMessage = { v: 1, op: 'intent', ns: namespace, ...body, from: publisher.self }
  return publisher.publish(namespace, [{ message, partition }], signal, scope)
}
