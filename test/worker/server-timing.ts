/** Reads `Server-Timing` as the W3C's grammar has it, and refuses everything else. @module */

export interface Metric {
  readonly name: string
  readonly desc?: string
  readonly dur?: number
}

// `#( metric-name *( OWS ";" OWS server-timing-param ) )`: names are tokens, values tokens or quoted strings (RFC 9110, 5.6).
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const PARAM = new RegExp(
  String.raw`^;[\t ]*(${TOKEN})=(?:(${TOKEN})|"((?:[\t !#-\[\]-~]|\\[\t -~])*)")[\t ]*`,
)
const NAME = new RegExp(`^(${TOKEN})[\\t ]*`)

/** @throws Error for what is none */
export function readServerTiming(field: string): Metric[] {
  const metrics: Metric[] = []
  let rest = field
  for (;;) {
    const [whole, name] = NAME.exec(rest) ?? []
    if (whole === undefined) throw new Error(`no metric: ${rest}`)
    rest = rest.slice(whole.length)
    const params: Record<string, string> = {}
    for (let param = PARAM.exec(rest); param; param = PARAM.exec(rest)) {
      const [text, key, token, quoted] = param
      if (Object.hasOwn(params, key!)) throw new Error(`${key} is there twice`)
      params[key!] = token ?? quoted!
      rest = rest.slice(text.length)
    }
    const { desc, dur, ...others } = params
    if (Object.keys(others).length > 0) throw new Error(`unknown: ${Object.keys(others).join()}`)
    if (dur !== undefined && !/^\d+(?:\.\d+)?$/.test(dur)) throw new Error(`no duration: ${dur}`)
    metrics.push({
      name: name!,
      ...(desc !== undefined && { desc }),
      ...(dur !== undefined && { dur: Number(dur) }),
    })
    if (rest === '') return metrics
    const comma = /^,[\t ]*/.exec(rest)
    if (!comma) throw new Error(`what is this: ${rest}`)
    rest = rest.slice(comma[0].length)
  }
}
