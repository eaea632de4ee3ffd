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
const UPSTASH = 'test/redis/upstash.test.ts'
const UNIT = [
  'test/unit/**/*.test.ts',
  'test/sync/*.test.ts',
  'test/loader/*.test.ts',
  'test/replay/*.test.ts',
  'test/{mutants,tools}/*.test.ts',
  'test/stores/checker.test.ts',
  FAULT_PLANS,
  UPSTASH,
]
const FLEETS = [
  'test/unit/*random*.test.ts',
  'test/sync/random-sync.test.ts',
  'test/loader/random-coherence.test.ts',
]
/** The only ones of these folders that use a network. */
const UNDICI = 'test/unit/adapters/undici.test.ts'
const BROKER = ['test/kafka/*.test.ts', 'test/stores/faults.test.ts', 'test/cli/kafka.test.ts']
const E2E = [
  'test/{docs,frameworks,package}/*.test.ts',
  'test/lambda/{emulator,template}.test.ts',
  'test/servers/{examples,sidecar}.test.ts',
]
const FOLDERS = '{cli,conformance,demo,gateway,lambda,memcached,peers,redis,servers,tiers,worker,writes}'

export const PROJECTS: readonly Project[] = [
  // Parts of the library alone, on a fake clock, without a network.
  { name: 'unit', include: UNIT, exclude: [...FLEETS, UNDICI], core: UNIT, shares: true },
  // Fleets by a seed, and hostile inputs.
  {
    name: 'property',
    include: [...FLEETS, 'test/sim/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
    core: ['test/unit/random-coherence.test.ts'],
    shortCore: true,
  },
  // Over HTTP, in workerd, with stores.
  {
    name: 'integration',
    include: [`test/${FOLDERS}/*.test.ts`, UNDICI],
    exclude: [UPSTASH, ...BROKER, ...E2E],
    core: ['test/{conformance,gateway,lambda,worker}/*.test.ts'],
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
