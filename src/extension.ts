/**
 * Opens the features of a cache.
 *
 * @module
 */
import type { Feature, FeatureHost } from './api/feature.ts'
import type { OpenFeature } from './read/core-hooks.ts'

/**
 * Opens the features for a cache, in the order in which they are asked.
 * @throws TypeError quoting `use`, where one has no name, the name of another, or no hooks.
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
