/** Counters and gauges in Prometheus' text format, version 0.0.4. @module */

export type Sample = readonly [value: number, labels?: Readonly<Record<string, string | number>>]

export interface Metric {
  /** The name without the prefix. */
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly says: string
  readonly samples: readonly Sample[]
}

export const counter = (name: string, says: string, value: number): Metric => ({
  name,
  type: 'counter',
  says,
  samples: [[value]],
})

export const gauge = (name: string, says: string, ...samples: readonly Sample[]): Metric => ({
  name,
  type: 'gauge',
  says,
  samples,
})

/** @param labels the labels of every sample */
export function exposition(
  prefix: string,
  labels: Readonly<Record<string, string>>,
  metrics: readonly Metric[],
): string {
  const lines = metrics.flatMap(({ name, type, says, samples }) => [
    `# HELP ${prefix}${name} ${says}`,
    `# TYPE ${prefix}${name} ${type}`,
    ...samples.map(([value, more]) => {
      const set = Object.entries({ ...labels, ...more }).map(
        ([of, is]) => `${of}=${JSON.stringify(String(is))}`,
      )
      return `${prefix}${name}${set.length > 0 ? `{${set.join(',')}}` : ''} ${value}`
    }),
  ])
  return `${lines.join('\n')}\n`
}
