/**
 * A step of the tour as a line for a shell: bash, zsh, or any other of POSIX.
 *
 * @module
 */
import { ROW, type Place, type Step } from './tour.ts'

/** Where each place is reached, as a URL without a trailing slash. */
export type Addresses = Readonly<Record<Place, string>>

const VARIABLES = { a: '$A', b: '$B' } as const
const JSON_TYPE = 'content-type:application/json'

/** Without the scheme, which curl does not need. */
function short(url: string): string {
  return url.replace('http://', '')
}

/** Single-quoted for any shell of POSIX. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** Sets the variables that the lines of the steps use, which keeps those short. */
export function setupLine(places: Addresses): string {
  return `A=${short(places.a)} B=${short(places.b)} KEF=${ROW} JSON=${JSON_TYPE}`
}

function where({ to, path }: Step, places: Addresses): string {
  const host = to === 'a' || to === 'b' ? VARIABLES[to] : short(places[to])
  return host + (path === ROW ? '$KEF' : path)
}

/**
 * The line of a step, ready to be pasted after {@link setupLine}. What may take a while to come is waited for with
 * `sleep`. Comments are left out: an interactive zsh does not know them.
 */
export function curlLine(step: Step, places: Addresses): string {
  const wait = step.within === undefined ? '' : `sleep ${step.within}; `
  if (step.times !== undefined) {
    return `${wait}curl -sZ --no-progress-meter -o /dev/null -w '%{http_code} ' "${where(step, places)}?[1-${step.times}]"`
  }
  const flags = `-s${step.token === 'keep' ? '' : 'i'}${step.method === undefined ? '' : `X ${step.method}`}`
  const parts = ['curl', flags, where(step, places)]
  if (step.token === 'send') parts.push('-H "kedge-token: $T"')
  if (step.body !== undefined) parts.push(`-H $JSON -d ${quoted(JSON.stringify(step.body))}`)
  const line = parts.join(' ')
  return wait + (step.token === 'keep' ? `T=$(${line} | grep -o 'k1[^"]*'); echo $T` : line)
}
