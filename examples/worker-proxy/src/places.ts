/** What a write to an address may have changed: that address, what stands above it, and what stands below it. */

const MAX_DEPTH = 16
const MAX_PATH = 400
const MAX_KEY = 500

export interface Place {
  /** The path with the query, as it was asked for. */
  readonly key: string
  /** What the answer at this address is known by. */
  readonly tags: readonly string[]
}

/** `undefined` for an address that is too long or too deep to be kept. */
export function placeOf(url: URL): Place | undefined {
  const paths = pathsOf(url)
  const key = url.pathname + url.search
  if (paths.length > MAX_DEPTH || paths.at(-1)!.length > MAX_PATH || key.length > MAX_KEY) return undefined
  return { key, tags: [`at:${paths.at(-1)}`, ...paths.slice(0, -1).map((path) => `under:${path}`)] }
}

/** The tags of all that a write to this address may have changed. */
export function changedBy(url: URL): string[] {
  // What is longer or deeper is not kept, so it need not be evicted; what stands above it must be.
  const paths = pathsOf(url)
    .slice(0, MAX_DEPTH)
    .filter((path) => path.length <= MAX_PATH)
  return [`under:${paths.at(-1)}`, ...paths.map((path) => `at:${path}`)]
}

/** `/a/b` as `/`, `/a` and `/a/b`: however its letters are escaped, and whether or not a slash ends it. */
function pathsOf(url: URL): string[] {
  const steps = url.pathname.split('/').filter((step) => step !== '')
  const paths = ['/']
  for (const step of steps) paths.push(`${paths.at(-1) === '/' ? '' : paths.at(-1)}/${plain(step)}`)
  return paths
}

function plain(step: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(step))
  } catch {
    return step
  }
}
