/** The values of a label: so many at most, because each is a series in Prometheus. @module */

/** What stands for all values beyond the bound. */
const OTHER = 'other'

/** @returns the name itself where it is among the first that came, else `other` */
export function boundedLabel(max: number): (name: string) => string {
  const known = new Set<string>()
  return (name) => {
    if (known.has(name)) return name
    if (known.size >= max) return OTHER
    known.add(name)
    return name
  }
}
