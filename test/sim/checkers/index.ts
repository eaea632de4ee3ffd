/** The checkers: one for each invariant of the design. They read traces, and know nothing else. @module */
import { acknowledgement } from './acknowledgement.ts'
import { boundedStaleness } from './bounded-staleness.ts'
import { determinism } from './determinism.ts'
import { fillGuard } from './fill-guard.ts'
import { fold } from './fold.ts'
import { honestFreshness } from './honest-freshness.ts'
import { isolation } from './isolation.ts'
import { lifetime } from './lifetime.ts'
import { liveness } from './liveness.ts'
import { memoryBounds } from './memory-bounds.ts'
import { originEconomy } from './origin-economy.ts'
import { ownWrites } from './own-writes.ts'
import { contiguity } from './positions.ts'
import { rest } from './rest.ts'
import { resurrection } from './resurrection.ts'
import { settlement } from './settlement.ts'
import { singleFlight } from './single-flight.ts'
import type { Checker } from '../trace.ts'

export { compare } from './determinism.ts'

/** I1 to I16, and I18. */
export const CHECKERS: readonly Checker[] = [
  boundedStaleness,
  fillGuard,
  resurrection,
  rest,
  fold,
  contiguity,
  honestFreshness,
  ownWrites,
  memoryBounds,
  lifetime,
  liveness,
  isolation,
  singleFlight,
  settlement,
  determinism,
  acknowledgement,
  originEconomy,
]
