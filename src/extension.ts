/**
 * Opens the features of a cache.
 *
 * @module
 */
import type { Feature, FeatureHost } from './api/feature.ts'
import type { OpenFeature } from './read/core-hooks.ts'

/**
 * Opens the features for a cache, in the order in which they are asked.
 * @throws TypeError quoting `use`, where two have the same name.
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
    into.push({ name: feature.name, hooks: feature.open(host) })
  }
}
