/** Spans of what events tell once it is over: polls, calls of a shared tier, questions to a loader service. @module */
import type { EventListener, KedgeEvent } from '../../../src/api/events.ts'
import type { Attributes } from './api.ts'
import { messaging } from './messaging.ts'
import type { EndedSpan, Spans } from './spans.ts'

type Told = Omit<EndedSpan, 'parent'>

/** @param ofNone whether polls make spans that are of no request */
export function eventSpans(spans: Spans, evictionsTopic: string, ofNone: boolean): EventListener {
  const name = `poll ${evictionsTopic}`
  const polled = messaging(evictionsTopic, 'receive', 'poll')
  return (event, trace) => {
    const told = isPoll(event) ? pollOf(event, name, polled) : spanOf(event)
    if (told === undefined) return
    const parent = spans.parent(trace)
    if (isPoll(event) && !ofNone && !spans.hasSpan(parent)) return
    spans.ended({ ...told, parent })
  }
}

type Poll = Extract<KedgeEvent, { readonly type: 'poll' | 'poll_failed' }>

const isPoll = (event: KedgeEvent): event is Poll => event.type === 'poll' || event.type === 'poll_failed'

function pollOf(event: Poll, name: string, attributes: Attributes): Told {
  const { durationMs } = event
  if (event.type === 'poll_failed')
    return { name, kind: 'CLIENT', attributes, durationMs, error: event.error }
  const found = {
    'messaging.batch.message_count': event.records,
    'kedge.poll.verified': event.verified,
  }
  return { name, kind: 'CLIENT', attributes: { ...attributes, ...found }, durationMs }
}

function spanOf(event: KedgeEvent): Told | undefined {
  if (event.type === 'tier') {
    const { operation, namespace, keys, durationMs } = event
    const attributes = {
      'kedge.namespace': namespace,
      'kedge.key_count': keys,
      'kedge.tier.operation': operation,
    }
    return { name: `tier ${operation}`, kind: 'CLIENT', attributes, durationMs, ...failureOf(event) }
  }
  if (event.type !== 'ask') return undefined
  const { namespace, keys, answered, because, durationMs } = event
  const attributes: Attributes = {
    'kedge.namespace': namespace,
    'kedge.key_count': keys.length,
    'kedge.value_count': answered,
  }
  if (because !== undefined) attributes['kedge.ask.unanswered'] = because
  return { name: `ask ${namespace}`, kind: 'CLIENT', attributes, durationMs, ...failureOf(event) }
}

const failureOf = (event: { readonly error?: unknown }): { readonly error?: unknown } =>
  'error' in event ? { error: event.error } : {}
