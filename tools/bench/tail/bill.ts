/**
 * What a month costs, by public prices and by the rates that were measured.
 *
 * @module
 */
import type { Way } from './plan.ts'
import { BUSY_COLO, type Row } from './rows.ts'

/**
 * US dollars, as Cloudflare's documentation had them in October 2026 and Amazon's in March 2026 (Fargate, us-east-1, Linux on
 * x86). What a plan includes is left out.
 */
export const PRICES = {
  /** A million requests at Durable Objects. */
  objectRequests: 0.15,
  /** A million GB-s of Durable Objects. */
  objectMemory: 12.5,
  /** A vCPU and 2 GB for an hour. */
  machineHour: 0.040_48 + 2 * 0.004_445,
} as const

const MONTH_S = 30 * 86_400
/** What a Durable Object is billed for while it is in memory: always, because it samples as long as isolates ask. */
const OBJECT_GB = 0.128
const OBJECT_MONTH = ((OBJECT_GB * MONTH_S) / 1e6) * PRICES.objectMemory
/** What a machine of one vCPU is asked at most, of which two thirds of the processor are used: see docs/gateway-figures.md. */
const MACHINE_REQUESTS = 2000
/** The most that one tail should be asked: a Durable Object takes a thousand a second. */
const TAIL_QUESTIONS = 400
/** Colos of Cloudflare, and regions in which Durable Objects can be asked for. */
const [COLOS, REGIONS] = [330, 9]

export interface Bill {
  readonly isolates: number
  readonly way: Way
  /** How many tails it takes. */
  readonly tails: number
  /** A second. */
  readonly origin: number
  readonly questions: number
  /** Dollars a month: requests at tails, tails, and gateways before Kafka. */
  readonly requests: number
  readonly objects: number
  readonly gateways: number
}

export const totalOf = ({ requests, objects, gateways }: Bill): number => requests + objects + gateways

/** @param rates a second, in the whole world; at the origin from each tail, where Durable Objects are the tails */
function billOf(
  way: Bill['way'],
  isolates: number,
  rates: { readonly origin: number; readonly questions: number },
): Bill {
  const hasObjects = way === 'tail' || way === 'store'
  const tails = hasObjects ? Math.max(REGIONS, Math.ceil(rates.questions / TAIL_QUESTIONS)) : 0
  const origin = hasObjects ? rates.origin * tails : rates.origin
  return {
    isolates,
    way,
    tails,
    origin,
    questions: rates.questions,
    requests: hasObjects ? ((rates.questions * MONTH_S) / 1e6) * PRICES.objectRequests : 0,
    objects: tails * OBJECT_MONTH,
    gateways: Math.max(1, Math.ceil(origin / MACHINE_REQUESTS)) * PRICES.machineHour * (MONTH_S / 3600),
  }
}

/** The bills of ten thousand and of a million isolates, where the rows that they follow from were measured. */
export function billsOf(rows: readonly Row[]): Bill[] {
  const seen = (name: string, way: Way) => rows.find((row) => row.name === name && row.plan.way === way)?.seen
  const direct = seen('1,000 isolates, 1 s', 'direct')
  const tail = seen('1,000 isolates', 'tail')
  const few = seen('10,000 isolates', 'store')
  const many = seen('three busy colos', 'store')
  const fewAtGateway = seen('10,000 isolates', 'gateway')
  const manyAtGateway = seen('three busy colos', 'gateway')
  if (!direct || !tail || !few || !many || !fewAtGateway || !manyAtGateway) return []
  const ofAll = (three: number) => (three * COLOS) / 3
  const million = COLOS * BUSY_COLO
  return [10_000, million].flatMap((isolates) => [
    billOf('direct', isolates, { origin: (direct.origin * isolates) / 1000, questions: 0 }),
    // How many isolates are behind a tail does not matter to the origin.
    billOf('tail', isolates, { origin: tail.origin / REGIONS, questions: (tail.tail * isolates) / 1000 }),
    ...(isolates === million
      ? [
          billOf('store', isolates, { origin: many.origin, questions: ofAll(many.tail) }),
          billOf('gateway', isolates, {
            origin: ofAll(manyAtGateway.origin),
            questions: ofAll(manyAtGateway.tail),
          }),
        ]
      : [
          billOf('store', isolates, { origin: few.origin / REGIONS, questions: few.tail }),
          billOf('gateway', isolates, { origin: fewAtGateway.origin, questions: fewAtGateway.tail }),
        ]),
  ])
}
