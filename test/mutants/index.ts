/** All mutants. @module */
import { adapterMutants } from './adapters.ts'
import { coherenceMutants } from './coherence.ts'
import { dumpMutants } from './dump.ts'
import { featureMutants } from './features.ts'
import { flightMutants } from './flight.ts'
import { followerMutants } from './follower.ts'
import type { Mutant } from './mutant.ts'
import { relayMutants } from './relays.ts'
import { signingMutants } from './signing.ts'
import { storeMutants } from './store.ts'
import { tailObjectMutants } from './tail-objects.ts'
import { socketMutants } from './sockets.ts'
import { tailMutants } from './tails.ts'
import { tierMutants } from './tier.ts'
import { valueMutants } from './values.ts'
import { writeMutants } from './writes.ts'

export const MUTANTS: readonly Mutant[] = [
  ...coherenceMutants,
  ...followerMutants,
  ...flightMutants,
  ...valueMutants,
  ...storeMutants,
  ...writeMutants,
  ...tierMutants,
  ...tailMutants,
  ...socketMutants,
  ...tailObjectMutants,
  ...relayMutants,
  ...featureMutants,
  ...dumpMutants,
  ...signingMutants,
  ...adapterMutants,
]
