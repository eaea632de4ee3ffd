/** Prometheus' text format, read. */

export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

const SUFFIX = /_(?:bucket|sum|count)$/

/** The families of an exposition, by name. @throws Error for a line that is none of the format */
export function familiesOf(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; help: string; samples: Family['samples'][number][] }>()
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') families.set(name, { type: '', help: rest, samples: [] })
    else if (kind === 'TYPE') families.get(name)!.type = rest
    else if (line !== '') {
      const [, sample = '', labels = '', value] = /^([a-zA-Z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const of = families.get(sample) ?? families.get(sample.replace(SUFFIX, ''))
      if (!of) throw new Error(`not a sample of a family: ${line}`)
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, key, is]) => [key!, is!] as const,
      )
      of.samples.push({ labels: Object.fromEntries(pairs), value: Number(value) })
    }
  }
  return families
}
