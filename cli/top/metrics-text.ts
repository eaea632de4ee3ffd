/**
 * Prometheus' text format 0.0.4, as far as `kedge top` needs it: samples by name. What a stranger serves is bounded.
 *
 * @module
 */

type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** Samples that are kept; an exposition of kedge has some hundreds without the buckets of its histograms. */
const MAX_SAMPLES = 10_000
const MAX_LINE = 4096
const NAME = /^(kedge_\w+|kafka_consumer_lag|process_\w+|nodejs_eventloop_\w+)(?=[{ \t])/
/** Only their counts and sums are looked at. */
const BUCKET = /_bucket$/
const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/y
const VALUE = /^[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t]*$/
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' }

export class Metrics {
  readonly #samples: ReadonlyMap<string, readonly Sample[]>

  constructor(samples: ReadonlyMap<string, readonly Sample[]>) {
    this.#samples = samples
  }

  /** In the order of the text. */
  all(name: string): readonly Sample[] {
    return this.#samples.get(name) ?? []
  }

  /** The sum of the samples of that name; `undefined` where there is none. */
  sum(name: string): number | undefined {
    const samples = this.all(name)
    return samples.length === 0 ? undefined : samples.reduce((total, { value }) => total + value, 0)
  }
}

/** Lines that are none of the format are passed over: what is missing is shown as missing. */
export function metricsIn(text: string): Metrics {
  const found = new Map<string, Sample[]>()
  let left = MAX_SAMPLES
  for (const line of text.split('\n')) {
    const [name] = NAME.exec(line) ?? []
    if (name === undefined || line.length > MAX_LINE || BUCKET.test(name)) continue
    const sample = sampleIn(line, name.length)
    if (sample === undefined) continue
    if (left-- === 0) break
    const samples = found.get(name) ?? []
    samples.push(sample)
    found.set(name, samples)
  }
  return new Metrics(found)
}

/** @param at where the name ends */
function sampleIn(line: string, at: number): Sample | undefined {
  const labels: [string, string][] = []
  let end = at
  if (line[end] === '{') {
    end++
    for (;;) {
      LABEL.lastIndex = end
      const match = LABEL.exec(line)
      if (!match) break
      labels.push([match[1]!, match[2]!.replace(/\\[n"\\]/g, (escape) => ESCAPES[escape]!)])
      end = LABEL.lastIndex
    }
    const close = /\s*\}/y
    close.lastIndex = end
    if (!close.test(line)) return undefined
    end = close.lastIndex
  }
  const value = valueOf(VALUE.exec(line.slice(end))?.[1])
  return value === undefined ? undefined : { labels: Object.fromEntries(labels), value }
}

function valueOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  const value = Number(text)
  return Number.isNaN(value) ? undefined : value
}
