/** What was measured of the gateway, for people. @module */
import type { Work } from './gateway-child.ts'
import { PAUSE_MS } from './gateway-clients.ts'
import type { Clients } from './gateway-clients.ts'
import { TOGETHER } from './gateway-evictions.ts'
import type { Evictions } from './gateway-evictions.ts'
import { QUIET_WAIT_MS } from './gateway-waiting.ts'
import type { Waiting } from './gateway-waiting.ts'
import { table } from './report.ts'

export interface GatewayResults {
  readonly machine: string
  readonly evictions: Evictions
  readonly produced: readonly number[]
  readonly waiting: readonly Waiting[]
  /** The same at a bare server. */
  readonly floor: readonly Waiting[]
  /** What could not be measured here, and why. */
  readonly left: readonly string[]
  readonly clients: readonly Clients[]
}

/** The results as text, in tables that Markdown shows as tables too. */
export function gatewayReport({
  machine,
  evictions,
  produced,
  waiting,
  floor,
  left,
  clients,
}: GatewayResults): string {
  const { gone, acknowledged, together, made, lost } = evictions
  return `${[
    machine,
    `An eviction, milliseconds (${lost} of ${made} lost)\n\n${table(
      ['', 'samples', 'p50', 'p99', 'max'],
      [
        ['`delete()` called until another cache does not serve it', ...times(gone)],
        ['`delete()` called until it is acknowledged', ...times(acknowledged)],
        [`${TOGETHER} of them together, called until not served`, ...times(together)],
        ['a record produced through the gateway', ...times(produced)],
      ],
    )}`,
    `Waiting while nothing happens (polls of ${QUIET_WAIT_MS / 1000} s in the mean)\n\n${table(
      ['clients', ...WORK, 'resident MB', 'KB a client', 'of it heap'],
      named(waiting, floor).map(({ name, count, quiet, rss, rssEach, heapEach }) => [
        name,
        ...work(quiet),
        (rss / 1e6).toFixed(0),
        ...(count > 1 ? [rssEach, heapEach].map((bytes) => (bytes / 1000).toFixed(1)) : ['–', '–']),
      ]),
    )}`,
    `Woken by one record after the other, each once all wait again\n\n${table(
      ['clients', 'records / s', ...WORK, 'told p50 ms', 'p99', 'max'],
      named(waiting, floor).map(({ name, woken }) => [
        name,
        rate(woken.records, woken),
        ...work(woken),
        ...times(woken.told).slice(1),
      ]),
    )}`,
    `The same records to ${clients[0]?.clients ?? 0} clients: who cannot wait looks every ${PAUSE_MS} ms\n\n${table(
      [
        '',
        'requests / record',
        'CPU ms / record',
        'Kafka reads / s',
        'bounds / s',
        'told p50 ms',
        'p99',
        'lost',
      ],
      clients.map((of) => [
        of.name,
        (of.work.answered / of.records).toFixed(0),
        (of.work.cpuMs / of.records).toFixed(1),
        rate(of.work.reads, of.work),
        rate(of.work.bounds, of.work),
        ...times(of.told).slice(1, 3),
        String(of.lost),
      ]),
    )}`,
    ...aims(waiting, floor),
    ...left.map((what) => `NOT MEASURED: ${what}`),
  ].join('\n\n')}\n`
}

/** Of 10,000 that wait: resident bytes of the gateway, and CPU of a woken poll as a multiple of a bare server's. */
const AIMS = { count: 10_000, rss: 700e6, woken: 1.5 }

/** Whether the gateway is within its aims, where so many were measured. */
function aims(waiting: readonly Waiting[], floor: readonly Waiting[]): string[] {
  const at = waiting.findIndex(({ count }) => count === AIMS.count)
  const [of, bare] = [waiting[at], floor[at]]
  if (!of || !bare) return []
  const each = ({ woken }: Waiting) => woken.cpuMs / woken.answered
  const factor = each(of) / each(bare)
  const said = (isMet: boolean) => (isMet ? 'met' : 'not met')
  return [
    [
      `${AIMS.count} clients: ${(of.rss / 1e6).toFixed(0)} MB resident, the aim is ${AIMS.rss / 1e6} (${said(of.rss <= AIMS.rss)}).`,
      `A woken poll takes ${factor.toFixed(2)} × the CPU of a bare server, the aim is ${AIMS.woken} (${said(factor <= AIMS.woken)}).`,
    ].join(' '),
  ]
}

/** Each level, and after it what a bare server takes for it. */
const named = (waiting: readonly Waiting[], floor: readonly Waiting[]) =>
  waiting.flatMap((of, at) => [
    { ...of, name: String(of.count) },
    ...floor.slice(at, at + 1).map((bare) => ({ ...bare, name: `${of.count}, bare` })),
  ])

const WORK = ['polls / s', 'CPU µs / poll', 'CPU %', 'Kafka reads / s', 'bounds / s']

const work = (of: Work): string[] => [
  rate(of.answered, of),
  of.answered === 0 ? '–' : ((of.cpuMs * 1000) / of.answered).toFixed(0),
  ((of.cpuMs / of.ms) * 100).toFixed(1),
  rate(of.reads, of),
  rate(of.bounds, of),
]

const rate = (count: number, { ms }: Work): string => {
  const each = (count * 1000) / ms
  return each.toFixed(each < 100 ? 1 : 0)
}

/** How many, the median, the 99th of 100, and the longest. */
function times(numbers: readonly number[]): string[] {
  const ascending = [...numbers].sort((a, b) => a - b)
  const at = (share: number) =>
    ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)]?.toFixed(1) ?? '–'
  return [String(ascending.length), at(0.5), at(0.99), at(1)]
}
