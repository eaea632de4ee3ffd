/**
 * Which simulated fleets can show a mutant at all: the others would only take time.
 *
 * @module
 */
import { longestIntentMs, replicates, tiers } from '../sim/features.ts'
import type { FaultName } from '../sim/faults.ts'
import type { IsolatePlan, Scenario } from '../sim/scenario.ts'

type Has = (scenario: Scenario) => boolean

const breaks =
  (...names: readonly FaultName[]): Has =>
  ({ steps }) =>
    steps.some((step) => step.do === 'fault' && names.includes(step.fault))
const some =
  (is: (plan: IsolatePlan) => boolean): Has =>
  ({ isolates }) =>
    isolates.some(is)
const every =
  (...all: readonly Has[]): Has =>
  (scenario) =>
    all.every((has) => has(scenario))
const either =
  (...any: readonly Has[]): Has =>
  (scenario) =>
    any.some((has) => has(scenario))

const tier: Has = ({ world }) => world.tier
const carried = either(
  tier,
  some((plan) => replicates(plan)),
)
const smallTable = some(({ maxRememberedEvictions }) => maxRememberedEvictions < 8)
const named: Has = ({ world }) => world.identity
const versions: Has = ({ steps }) =>
  steps.some((step) => step.do === 'write' && /version|through/i.test(step.how))
const slow: Has = either(({ world }) => world.loadMs >= 800, breaks('loader_slow', 'hot_key'))
const tokens: Has = ({ steps }) =>
  steps.filter((step) => step.do === 'read' && step.after === true).length > 4
const workers = some(({ isolatesRequests }) => isolatesRequests)

export const FOCUSES = {
  anything: () => true,
  tier,
  'values from elsewhere': carried,
  'a tier for isolates that know little': (scenario) =>
    scenario.isolates.some((plan) => tiers(scenario, plan) && plan.lookBack <= 3),
  'values from elsewhere for isolates that know little': (scenario) =>
    scenario.isolates.some((plan) => (tiers(scenario, plan) || replicates(plan)) && plan.lookBack <= 3),
  'little is remembered': smallTable,
  'little is remembered of values from elsewhere': every(smallTable, carried),
  'versions from elsewhere': every(versions, carried),
  'little room for values from elsewhere': every(
    some(({ maxEntries }) => maxEntries <= 8),
    carried,
  ),
  'little room': some(({ maxEntries, maxBytes }) => maxEntries <= 3 || maxBytes < 10_000),
  intents: some((plan) => longestIntentMs(plan) > 0),
  'writers that die': breaks('writer_dies'),
  'a source that lags': ({ world }) => world.replicaLagMs > 0,
  'another log': every(breaks('recreation'), named),
  'another log that is nameless': every(breaks('recreation'), (scenario) => !named(scenario)),
  'a log that was cut': breaks('truncation'),
  'large records': every(
    either(breaks('record_oversized'), breaks('eviction_storm')),
    some(({ maxPollBytes }) => maxPollBytes < 1000),
  ),
  'open transactions': breaks('transaction_open', 'transaction_aborted'),
  partitions: ({ world }) => world.evictionPartitions > 1,
  workers,
  'requests that end': every(workers, breaks('leader_cancelled', 'wait_until_cut', 'body_stalls')),
  outages: breaks('kafka_unavailable', 'proxy_restart', 'request_lost', 'storm_5xx', 'request_swallowed'),
  'outages that are borne': every(
    breaks('kafka_unavailable', 'proxy_restart', 'request_lost', 'storm_5xx', 'request_swallowed'),
    ({ world, isolates }) =>
      isolates.some(
        ({ onUnreachable, maxOutageMs }) => onUnreachable === 'stale' && maxOutageMs > world.maxStalenessMs,
      ),
  ),
  clocks: breaks(
    'clock_back',
    'clock_both_back',
    'clock_frozen',
    'clock_drift',
    'frozen',
    'frozen_hours',
    'monotonic_frozen',
  ),
  'clocks that step back together': breaks('clock_both_back'),
  'isolates that begin in an outage': every(
    breaks('cold_outage'),
    some(({ onUnreachable }) => onUnreachable === 'stale'),
  ),
  poison: breaks('record_poison', 'record_unknown_version'),
  'loads that fail': breaks('loader_error', 'loader_endless', 'loader_slow'),
  'empty answers': breaks('empty_polls'),
  tokens,
  'tokens beside loads': every(tokens, slow),
  'tokens beside another log': every(tokens, breaks('recreation'), named),
  'loads that take long': slow,
  'loads that take long on workers': every(slow, workers),
  'short lives': ({ world }) => world.ttlMs < 10_000 && world.loadMs >= 200,
  followers: some(({ follows }) => follows),
  instances: ({ world }) =>
    world.proxy === 'karapace' ||
    world.proxy === 'strimzi' ||
    (world.proxy === 'confluent' && !world.identity),
  tails: ({ world }) => world.tail !== undefined,
  'a store of proofs': ({ world }) => world.tail?.store === true,
  segments: ({ world }) => world.tail?.store === true && world.tail.small,
  'poisoned segments': every(breaks('store_poisoned'), ({ world }) => world.tail?.small === true),
  'segments of another log': every(
    breaks('recreation'),
    ({ world }) => world.tail?.store === true && world.tail.small,
  ),
  'poisoned stores': breaks('store_poisoned'),
  'tails that end': breaks('tail_killed', 'tail_hibernated', 'tail_doubled'),
  'tails whose clocks step': breaks('tail_clock_back', 'tail_clock_forward', 'tail_frozen'),
  'tails by the clock of the log': ({ world }) => world.tail?.clock === 'log',
  redpanda: ({ world }) => world.proxy === 'redpanda',
  'acknowledgements by HTTP': ({ world }) =>
    world.proxy === 'karapace' || world.proxy === 'strimzi' || world.proxy === 'confluent',
} as const satisfies Record<string, Has>

export type FocusName = keyof typeof FOCUSES
