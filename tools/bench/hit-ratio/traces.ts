/**
 * Traces that the benchmark makes by a seed: which key is asked for, one request after the other.
 *
 * @module
 */
import { seededRandom } from '../../../src/testing/index.ts'
import { shuffled, zipfRanks } from '../workload.ts'

export interface Trace {
  readonly name: string
  /** The key of each request, as a number. */
  readonly keys: Uint32Array
  /** How many entries the caches may hold: a hundredth and a tenth of the keys. */
  readonly sizes: readonly number[]
}

export interface TraceSize {
  readonly requests: number
  readonly keys: number
}

/** A scan is as long as a twentieth of the keys, on average. */
const SCAN = 1 / 20
const SCANNED = 1 / 4
/** How often the hot spot shifts, and by which part of the keys. */
const SHIFTS = 20
const SHIFT = 1 / 40
/** The part of the requests that goes to the hot spot, which part of the keys that is, and how often it is another one. */
const HOT = 0.9
const SPOT = 1 / 20
const SPOTS = 10
/** Which part of the keys a loop goes through: more than fits into the larger cache. */
const LOOP = 1 / 6
const LOOPED = 1 / 3

export function traces(seed: number, { requests, keys }: TraceSize): Trace[] {
  const random = seededRandom(seed)
  const ranked = (exponent: number) => zipfRanks(requests, keys, exponent, random)
  /** The ranks are dealt out at random: neighbours have nothing to do with each other. */
  const zipf = (exponent: number): Uint32Array => {
    const dealt = shuffled(
      Array.from({ length: keys }, (_, key) => key),
      random,
    )
    return ranked(exponent).map((rank) => dealt[rank]!)
  }
  const made: Record<string, Uint32Array> = {
    'Zipf 0.9': zipf(0.9),
    'Zipf 1.0': zipf(1),
    'Zipf 1.2': zipf(1.2),
    'scans through Zipf 1.0': scanned(zipf(1), keys, random),
    'Zipf 1.0 that shifts': shifting(ranked(1), keys),
    'a hot spot that jumps': jumping(requests, keys, random),
    'a loop through Zipf 1.0': looped(zipf(1), keys, random),
  }
  const sizes = [keys / 100, keys / 10]
  return Object.entries(made).map(([name, own]) => ({ name, keys: own, sizes }))
}

/** A quarter of the requests are runs over keys that no other request asks for, as a crawler's or a report's are. */
function scanned(base: Uint32Array, keys: number, random: () => number): Uint32Array {
  const result = base.slice()
  let fresh = keys
  for (let at = 0; at < base.length;) {
    const end = Math.min(base.length, at + Math.ceil(keys * SCAN * (0.5 + random())))
    if (random() < SCANNED) for (let each = at; each < end; each++) result[each] = fresh++
    at = end
  }
  return result
}

/** What is asked for most is other keys twenty times over: all ranks move on by a fortieth of the keys at once. */
function shifting(ranks: Uint32Array, keys: number): Uint32Array {
  return ranks.map((rank, at) => (rank + Math.floor((at / ranks.length) * SHIFTS) * keys * SHIFT) % keys)
}

/** All that is popular is another part of the keys ten times over. Within it some keys are asked for more often. */
function jumping(requests: number, keys: number, random: () => number): Uint32Array {
  const size = Math.floor(keys * SPOT)
  return Uint32Array.from({ length: requests }, (_, at) => {
    const first = Math.floor((at / requests) * SPOTS) * size
    return random() < HOT ? first + Math.floor(size * random() ** 2) : Math.floor(random() * keys)
  })
}

/** A third of the requests go through the same sixth of the keys again and again, as a job's do. */
function looped(base: Uint32Array, keys: number, random: () => number): Uint32Array {
  const length = Math.floor(keys * LOOP)
  let next = 0
  return base.map((key) => (random() < LOOPED ? next++ % length : key))
}
