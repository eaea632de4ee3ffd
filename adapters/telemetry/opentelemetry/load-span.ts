/** The span of a load: active while the loader runs, so that what the loader does stands within it. @module */
import type { Call, FeatureHooks, FeatureNamespace, FeatureScope } from '../../../src/api/feature.ts'
import type { LoadManyContext } from '../../../src/api/load-types.ts'
import { onAbort } from '../../../src/runtime/abort.ts'
import type { Attributes, Context } from './api.ts'
import type { Spans } from './spans.ts'

/** Keys in an attribute. */
const MAX_KEYS = 10

export function tracedLoad(spans: Spans, tellsKeys: boolean): NonNullable<FeatureHooks['aroundLoad']> {
  return <T>(
    { name }: FeatureNamespace,
    _: readonly string[],
    call: Call<T> | undefined,
    { trace }: FeatureScope,
  ): Call<T> | undefined => {
    if (call === undefined) return undefined
    const parent = spans.parent(trace)
    return (keys, context) => {
      const attributes: Attributes = { 'kedge.namespace': name, 'kedge.key_count': keys.length }
      if (tellsKeys) attributes['kedge.keys'] = keys.slice(0, MAX_KEYS)
      return within(spans, `load ${name}`, attributes, parent, context, () => call(keys, context))
    }
  }
}

async function within<T>(
  spans: Spans,
  name: string,
  attributes: Attributes,
  parent: Context,
  { signal }: LoadManyContext,
  work: () => Promise<ReadonlyMap<string, T>>,
): Promise<ReadonlyMap<string, T>> {
  const { api } = spans
  const span = spans.tracer.startSpan(name, { kind: api.SpanKind.INTERNAL, attributes }, parent)
  let isEnded = false
  const end = (failure?: { readonly error: unknown }) => {
    if (isEnded) return
    isEnded = true
    if (failure) spans.fails(span, failure.error)
    span.end()
  }
  // A loader that does not heed its signal may never end: the load has ended all the same.
  const off = onAbort(signal, (error) => end({ error }))
  try {
    const found = await api.context.with(api.trace.setSpan(parent, span), work)
    span.setAttribute('kedge.value_count', found.size)
    end()
    return found
  } catch (error) {
    end({ error })
    throw error
  } finally {
    off()
  }
}
