/**
 * Opens the features of a cache.
 *
 * @module
 */
import type { Feature, FeatureHost } from './api/feature.ts'
import type { OpenFeature } from './read/core-hooks.ts'

/** The hooks that the core asks. */
const HOOKS =
  'concerns beforeProof source sourceTimeoutMs aroundLoad beforeSet afterHold afterEvict mayHold close updates intentsMs lookBack readPast state'
/** The features of kedge: a namespace may leave them out whether or not the cache uses them. */
const OWN = ['sharedTier', 'replicate', 'writeIntents']

/** Whether two letters more or fewer, in another order, make the one name of the other. */
function isNear(name: string, known: string): boolean {
  let left = known.toLowerCase()
  for (const letter of name.toLowerCase()) left = left.replace(letter, '')
  return 2 * left.length + name.length - known.length <= 2
}

/** What is misspelt would do nothing. @throws TypeError quoting the name, and one that is near */
function checkNames(lacks: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names)
    if (!known.includes(name)) {
      const near = known.find((each) => isNear(name, each))
      throw new TypeError(`${lacks} \`${name}\`${near ? `: did you mean \`${near}\`?` : ''}`)
    }
}

/** @throws TypeError quoting a name in `without` of a namespace that no feature has */
export const checkWithout = (without: readonly string[], features: readonly OpenFeature[]): void =>
  checkNames('`without`: the cache has no feature', without, [...features.map(({ name }) => name), ...OWN])

/**
 * Opens the features for a cache, in the order in which they are asked.
 * @throws TypeError quoting `use`, where one has no name, the name of another, no hooks, or what is none
 */
export function openFeatures(
  use: readonly Feature[] | undefined,
  host: FeatureHost,
  into: OpenFeature[],
): void {
  const names = new Set<string>()
  for (const feature of use ?? []) {
    if (names.has(feature.name)) throw new TypeError(`\`use\` has two features of the name ${feature.name}`)
    names.add(feature.name)
    try {
      const hooks: unknown = feature.open(host)
      if (typeof hooks !== 'object' || hooks === null || hooks instanceof Promise)
        throw new TypeError(`\`use\`: open() of ${feature.name} must return its hooks, and not a promise`)
      // An instance of a class may have more than hooks.
      if (Object.getPrototypeOf(hooks) === Object.prototype)
        checkNames(`\`use\`: ${feature.name} has no hook`, Object.keys(hooks), HOOKS.split(' '))
      into.push({ name: feature.name, hooks })
    } catch (error) {
      // There will be no cache that could be closed.
      for (const { hooks } of into)
        void Promise.resolve()
          .then(() => hooks.close?.())
          .catch(host.failed)
      throw error
    }
  }
}
