/**
 * The projects that Vitest has: what belongs to each, and what of it `npm test` runs. `npm test -- --project unit` runs
 * one by itself.
 *
 * @module
 */

export interface Project {
  readonly name: string
  readonly include: readonly string[]
  readonly exclude?: readonly string[]
  /** What `npm test` runs of it: quick, and with nothing but what the npm registry has. */
  readonly core: readonly string[]
  /** `npm test` runs its core in a short form: the whole of it is run with the rest once more. */
  readonly shortCore?: boolean
  /** Modules that start what several files of the project share. */
  readonly globalSetup?: readonly string[]
  /** Whether its files may share a process: none leaves anything behind that another could notice. */
  readonly shares?: boolean
}

/** Which tests a run has: those of `npm test`, those that it leaves out, or all. */
export type Part = 'core' | 'rest' | 'all'

const FAULT_PLANS = 'test/kafka/fault-{checker,plan}.test.ts'
const UPSTASH = 'test/adapters/stores/redis/upstash.test.ts'
/** The only unit-like one that uses a network. */
const UNDICI = 'test/adapters/transport/undici.test.ts'
const UNIT = [
  'test/src/**/*.test.ts',
  'test/adapters/{kafka,codecs,metrics,sharing,logs,telemetry}/**/*.test.ts',
  'test/adapters/*.test.ts',
  'test/services/{audit,sync,loader}/*.test.ts',
  'test/{mutants,tools}/*.test.ts',
  'test/cli/ui/*.test.ts',
  'test/stores/checker.test.ts',
  FAULT_PLANS,
  UPSTASH,
]
const FLEETS = [
  'test/fleets/*.test.ts',
  'test/services/sync/random-sync.test.ts',
  'test/services/loader/random-coherence.test.ts',
]
const BROKER = ['test/kafka/*.test.ts', 'test/stores/faults.test.ts', 'test/cli/kafka.test.ts']
const E2E = [
  'test/{docs,adapters/frameworks,package,deploy,browser}/*.test.ts',
  'test/worker/lambda/{emulator,emulator-otlp,template}.test.ts',
  'test/worker/otlp-collector.test.ts',
  'test/worker/node/{examples,sidecar}.test.ts',
]
const INTEGRATION = [
  'test/{cli,conformance,openapi,telemetry,writes}/*.test.ts',
  'test/{adapters/stores,examples,services/gateway,tools/bench,worker}/**/*.test.ts',
  UNDICI,
]

export const PROJECTS: readonly Project[] = [
  // Parts of the library alone, on a fake clock, without a network.
  { name: 'unit', include: UNIT, exclude: FLEETS, core: UNIT, shares: true },
  // Fleets by a seed, and hostile inputs.
  {
    name: 'property',
    include: [...FLEETS, 'test/sim/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
    core: ['test/fleets/random-coherence.test.ts'],
    shortCore: true,
  },
  // Over HTTP, in workerd, with stores.
  {
    name: 'integration',
    include: INTEGRATION,
    exclude: [UPSTASH, ...BROKER, ...E2E],
    core: ['test/conformance/*.test.ts', 'test/{services/gateway,worker}/**/*.test.ts'],
  },
  {
    name: 'runtimes',
    include: ['test/runtime/*.test.ts'],
    core: ['test/runtime/{bare-workerd,node}.test.ts'],
  },
  // On real brokers, which are killed, frozen and moved.
  {
    name: 'broker',
    include: BROKER,
    exclude: [FAULT_PLANS],
    core: [],
    globalSetup: ['test/kafka/shared-broker.ts'],
  },
  // In the hands of its users: packed and installed, in frameworks, in Lambda's emulator, by the docs.
  { name: 'e2e', include: E2E, core: [], globalSetup: ['test/package/shared-package.ts'] },
]

/** The files of a project that belong to a part. */
export function filesOf(
  { include, exclude = [], core, shortCore = false }: Project,
  part: Part,
): { readonly include: string[]; readonly exclude: string[] } {
  const left = part === 'rest' && !shortCore ? core : []
  return { include: [...(part === 'core' ? core : include)], exclude: [...exclude, ...left] }
}
