/** Which faults there are at the moment, and how often each has met a call. @module */
import { FAULTS, type FaultClass, type FaultName } from '../faults.ts'
import type { Random } from './random.ts'

interface Active {
  readonly fault: FaultName
  readonly isolate: number | undefined
  readonly amount: number | undefined
}

/** Of requests, loads or calls, where the step does not say. */
const USUAL_PERCENT = 50
const USUAL_MS = 1000

export class Trouble {
  /** How often each fault had an effect. */
  readonly met: Map<FaultName, number> = new Map()
  #active: readonly Active[] = []

  begin(active: Active): () => void {
    this.#active = [...this.#active, active]
    return () => void (this.#active = this.#active.filter((one) => one !== active))
  }

  get any(): boolean {
    return this.#active.length > 0
  }

  /** Whether it is there for the isolate of this seat, and its amount; `undefined` where it is not. */
  amount(fault: FaultName, seat: number | undefined): number | undefined {
    if (this.#active.length === 0) return undefined
    const found = this.#active.find(
      (one) => one.fault === fault && (one.isolate === undefined || one.isolate === seat),
    )
    if (found === undefined) return undefined
    const { amount }: FaultClass = FAULTS[fault]
    return found.amount ?? (amount?.startsWith('percent') ? USUAL_PERCENT : USUAL_MS)
  }

  /** Whether it meets this one. */
  meets(fault: FaultName, seat: number | undefined, random: Random): boolean {
    const amount = this.amount(fault, seat)
    if (amount === undefined || random() * 100 >= amount) return false
    this.count(fault)
    return true
  }

  /** Whether it is there at all, for this one. */
  is(fault: FaultName, seat: number | undefined): boolean {
    if (this.amount(fault, seat) === undefined) return false
    this.count(fault)
    return true
  }

  /** How much longer something takes by it. */
  delay(fault: FaultName, seat: number | undefined, random: Random): number {
    const amount = this.amount(fault, seat)
    if (amount === undefined) return 0
    this.count(fault)
    return random() * amount
  }

  count(fault: FaultName): void {
    this.met.set(fault, (this.met.get(fault) ?? 0) + 1)
  }
}
