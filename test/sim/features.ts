/**
 * Which features an isolate uses, and in which namespaces.
 *
 * @module
 */
import type { FeatureName, IsolatePlan, Scenario, SpaceName } from './scenario.ts'

/** Namespaces of every scenario. */
export const SPACES: readonly SpaceName[] = ['rows', 'others', 'sets']

/** Whether an isolate of this plan uses the feature for the namespace. */
export const takesPart = (
  { use, namespaces, without }: IsolatePlan,
  feature: FeatureName,
  space: SpaceName,
): boolean =>
  use.includes(feature) &&
  // The namespaces of `replicate` are those that it shares: it follows the others, too.
  (feature === 'replicate' || (namespaces[feature]?.includes(space) ?? true)) &&
  !without[space]?.includes(feature)

/** Whether it holds what others publish of the namespace; of any, where none is named. */
export const replicates = (plan: IsolatePlan, space?: SpaceName): boolean =>
  plan.follow && (space ? [space] : SPACES).some((each) => takesPart(plan, 'replicate', each))

/** Whether it publishes what it loads and sets of the namespace. */
export const shares = (plan: IsolatePlan, space: SpaceName): boolean =>
  plan.share && takesPart(plan, 'replicate', space) && (plan.namespaces.replicate?.includes(space) ?? true)

/** Whether the tier may give it values of the namespace; of any, where none is named. */
export const tiers = ({ world }: Pick<Scenario, 'world'>, plan: IsolatePlan, space?: SpaceName): boolean =>
  world.tier && (space ? [space] : SPACES).some((each) => takesPart(plan, 'sharedTier', each))

/** How long a write of the namespace may take that is announced; 0 where none is. */
export const intentsMsOf = (plan: IsolatePlan, space: SpaceName): number =>
  takesPart(plan, 'writeIntents', space) ? plan.intentsMs : 0

/** The longest of them. */
export const longestIntentMs = (plan: IsolatePlan): number =>
  Math.max(...SPACES.map((space) => intentsMsOf(plan, space)))

/** Every choice of features, as `featuresOf` says it. */
export const FEATURE_SETS: readonly string[] = [
  'none',
  'sharedTier',
  'replicate',
  'writeIntents',
  'sharedTier, replicate',
  'sharedTier, writeIntents',
  'replicate, writeIntents',
  'sharedTier, replicate, writeIntents',
]

const NAMES: readonly FeatureName[] = ['sharedTier', 'replicate', 'writeIntents']

/** The features of the isolates of a scenario, taken together. */
export const featuresOf = ({ isolates }: Pick<Scenario, 'isolates'>): string =>
  NAMES.filter((name) => isolates.some(({ use }) => use.includes(name))).join(', ') || 'none'
