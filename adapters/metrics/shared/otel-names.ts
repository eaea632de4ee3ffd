/** What metrics of Prometheus are called by OpenTelemetry's habits. What an exporter for Prometheus makes of these are the names there. @module */

const ATTRIBUTES: Readonly<Record<string, string>> = {
  kedge_namespace: 'kedge.namespace',
  operation: 'kedge.tier.operation',
  outcome: 'kedge.outcome',
  topic: 'messaging.destination.name',
}

/** A label of Prometheus. */
export const attributeOf = (label: string): string => ATTRIBUTES[label] ?? label

/** `loads_total` is `loads`, and `load_duration_seconds` is `load.duration` in `s`. */
export function otelName(name: string): { readonly name: string; readonly unit?: 's' | 'By' } {
  const own = name.replace(/_(?:total|seconds)$/, '').replace(/_duration$/, '.duration')
  if (name.endsWith('_seconds')) return { name: own, unit: 's' }
  return name === 'bytes' ? { name: own, unit: 'By' } : { name: own }
}
