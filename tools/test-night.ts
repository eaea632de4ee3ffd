/**
 * `npm run test:night`: the long forms of what `npm run test:all` runs in short, one after the other, some two hours on
 * two cores. docs/testing.md has the figures of the last run.
 *
 * @module
 */
import { conclude, runStep } from './steps.ts'
import type { Done, Step } from './steps.ts'

const LONG: readonly Step[] = [
  {
    title: 'two hundred rounds of faults on a real Kafka',
    command: 'vitest run --project broker test/kafka/faults.test.ts',
    env: { KEDGE_FAULT_ROUNDS: '200' },
    told: 'all',
  },
  {
    title: 'two hundred rounds of faults on real stores',
    command: 'vitest run --project broker test/stores/faults.test.ts',
    env: { KEDGE_FAULT_ROUNDS: '200' },
    told: 'all',
  },
  {
    title: 'long fleets by a seed',
    command:
      'vitest run --project property test/fleets/random-coherence.test.ts test/fleets/random-tier.test.ts',
    env: { KEDGE_RUNS: '20000' },
    told: 'all',
  },
  // Simulated runs can find a third of the mutants: whether they do shows how good the simulator's checkers are.
  { title: 'the mutants, by both gates', command: 'node test/mutants/run.ts --both' },
  {
    title: 'a long sweep of the simulator',
    command: 'node test/sim/main.ts --long --minutes=30',
    told: 'all',
  },
]

const done: Done[] = []
for (const step of LONG) done.push(await runStep(step))
conclude(done)
