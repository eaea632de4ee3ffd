/** Variables of the environment that look like settings and are none. @module */
import { didYouMean } from './did-you-mean.ts'
import type { Session } from './session.ts'
import type { AnySetting } from './setting.ts'
import { ALL_SETTINGS } from './settings.ts'
import { plain } from './terminal.ts'

const PREFIX = 'KEDGE_'
/** Names the configuration file. */
const CONFIG = 'KEDGE_CONFIG'
const MOST = 10
/** What Kubernetes sets in every container for a Service whose name begins with `kedge` (as Docker's links did). */
const OF_A_SERVICE =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)$/
const ADDRESS = /^(?:tcp|udp|sctp):\/\//

/** Why a variable of that name may have an address for a value: Kubernetes sets `KEDGE_GATEWAY_PORT` by itself. */
export const fromKubernetes = (value: unknown): string =>
  typeof value === 'string' && ADDRESS.test(value)
    ? '; Kubernetes sets it for a Service of that name: give the Service another name, or the pod `enableServiceLinks: false`'
    : ''

/** Warns of each `KEDGE_…` variable that no command knows. Those of other commands are no mistake. */
export function warnOfUnknownVariables(own: readonly AnySetting[], { env, terminal }: Session): void {
  const all = [...ALL_SETTINGS.map((each) => each.env), CONFIG]
  const known = new Set(all)
  const unknown = Object.keys(env).filter(
    (name) =>
      name.startsWith(PREFIX) &&
      !known.has(name) &&
      !OF_A_SERVICE.test(name) &&
      !ADDRESS.test(env[name] ?? ''),
  )
  for (const name of unknown.slice(0, MOST))
    terminal.tell(
      'warn',
      'unknown_setting',
      `kedge: ${plain(name)} is not a setting, and does nothing${hint(name, own, all)}`,
    )
  if (unknown.length > MOST)
    terminal.tell(
      'warn',
      'unknown_setting',
      `kedge: ${unknown.length - MOST} more KEDGE_ variables are not settings`,
    )
}

/** The command's own names first: `KEDGE_TOKEN` is near several. */
function hint(name: string, own: readonly AnySetting[], all: readonly string[]): string {
  const names = own.map((each) => each.env)
  const near = didYouMean(name, names) || didYouMean(name, all)
  if (near !== '') return near
  const words = name.slice(PREFIX.length).split('_')
  const holding = names.filter((each) => words.every((word) => each.split('_').includes(word)))
  const [first, second] = holding.toSorted((a, b) => lengthOf(a) - lengthOf(b))
  const isClear = first !== undefined && (second === undefined || lengthOf(first) < lengthOf(second))
  return isClear ? `; did you mean ${first}?` : ''
}

const lengthOf = (name: string): number => name.split('_').length
