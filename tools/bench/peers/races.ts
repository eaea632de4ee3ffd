/**
 * The races within a process: each an order of steps, held by gates and not by luck.
 *
 * @module
 */
import { none, verdict, within } from './outcome.ts'
import type { RaceName, Result } from './outcome.ts'
import { Row } from './row.ts'
import { TAG, turns } from './subject.ts'
import type { Fleet, Process, Subject } from './subject.ts'

const KEY = 'user:7'
/** How long a process may go on with an old value after a message was lost; kedge promises less. */
const BOUND_MS = 3000
/** Only a call that hangs takes this long. */
const PATIENCE_MS = 10_000
/** How long a caller may need to begin a load of its own. */
const ARRIVAL_MS = 250
const PAUSE_MS = 25

type Race = (fleet: Fleet, subject: Subject) => Promise<Result>

/** By their names; the others are run in workerd. */
export const RACES = {
  'load across its invalidation': ({ a, delivered }) =>
    acrossInvalidation(a, () => a.invalidate(KEY), delivered),

  'load across an invalidation elsewhere': async ({ a, b, delivered }, { reach }) => {
    const result = await acrossInvalidation(
      b,
      async () => {
        await a.read(KEY, new Row().load)
        await a.invalidate(KEY)
      },
      delivered,
    )
    return reach === 'none' ? none(`nothing tells another process; ${result.seen}`) : result
  },

  'load across an invalidation of its tag': async (fleet) => {
    const { a, delivered } = fleet
    if (!fleet.invalidateTag) return none('no tags')
    return acrossInvalidation(a, () => fleet.invalidateTag!(a), delivered)
  },

  'lost message': async ({ a, b, delivered }, subject) => {
    const row = await heldByBoth(a, b)
    if (subject.reach !== 'none') await learns(a, b, delivered)
    b.link?.loseNext()
    row.value = 'new'
    await a.invalidate(KEY)
    const result = await untilNew(b, row, subject)
    const lost = b.link?.lost ?? 0
    if (subject.reach === 'bus' && lost === 0 && result.outcome === 'pass')
      throw new Error(`${subject.name}: no message was lost`)
    if (subject.reach === 'none') return none(`nothing tells another process; ${result.seen}`)
    const what = subject.reach === 'store' ? 'no message, each read asks the store' : `messages lost: ${lost}`
    return { ...result, seen: `${what}; ${result.seen}` }
  },

  'restart of the bus, reader back first': (fleet, subject) => restart(fleet, subject, 'reader'),
  'restart of the bus, writer back first': (fleet, subject) => restart(fleet, subject, 'writer'),

  'caller after an invalidation': async ({ a }) => {
    const row = new Row()
    const gate = row.hold()
    const first = a.read(KEY, row.load)
    await gate.caught
    row.value = 'new'
    await a.invalidate(KEY)
    const second = a.read(KEY, row.load)
    // A caller that joins the load under way waits for the gate; one that does not has an answer without it.
    const early = await within(second, ARRIVAL_MS, 'an answer').catch(() => undefined)
    gate.open()
    await first
    const seen = await within(second, PATIENCE_MS, 'the caller after the invalidation')
    const how = early === undefined ? 'from the load that began before' : 'from a load of its own'
    return verdict(seen === 'new', `was given ${seen}, ${how}`)
  },
} satisfies Partial<Record<RaceName, Race>>

export type LocalRaceName = keyof typeof RACES

/**
 * A load reads the old row; the row is written and the key invalidated; the load ends. What does the next read get?
 */
async function acrossInvalidation(
  reader: Process,
  invalidate: () => Promise<void>,
  delivered: () => Promise<void>,
): Promise<Result> {
  const row = new Row()
  const gate = row.hold()
  const first = reader.read(KEY, row.load)
  await gate.caught
  row.value = 'new'
  await invalidate()
  await delivered()
  // Values that the clock stamps must not tie.
  await nextMillisecond()
  gate.open()
  const led = await first
  await turns()
  const { reads } = row
  const seen = await reader.read(KEY, row.load)
  const how = row.reads > reads ? 'loaded' : 'from the cache'
  return verdict(seen === 'new', `the load was given ${led}, the next read ${seen} (${how})`)
}

/** The bus goes away and comes back; meanwhile a key was invalidated. */
async function restart(
  { a, b, delivered }: Fleet,
  subject: Subject,
  first: 'reader' | 'writer',
): Promise<Result> {
  const row = await heldByBoth(a, b)
  if (subject.reach !== 'none') await learns(a, b, delivered)
  a.link?.cut()
  b.link?.cut()
  row.value = 'new'
  const outcome = { rejected: false }
  const invalidation = a.invalidate(KEY).catch(() => (outcome.rejected = true))
  await turns()
  if (first === 'reader') {
    b.link?.restore()
    await turns()
  }
  a.link?.restore()
  await within(invalidation, PATIENCE_MS, 'the invalidation')
  await turns()
  // A writer whose invalidation rejects invalidates again; one whose invalidation resolves cannot know.
  if (outcome.rejected) await a.invalidate(KEY)
  if (first === 'writer') b.link?.restore()
  await turns()
  const result = await untilNew(b, row, subject)
  if (subject.reach === 'none') return none(`nothing tells another process; ${result.seen}`)
  return {
    ...result,
    seen: `the invalidation ${outcome.rejected ? 'was refused, and repeated' : 'was accepted'}; ${result.seen}`,
  }
}

/** Both have read the old row, and `b` holds it: by itself, not in a store that it shares with `a`. */
async function heldByBoth(a: Process, b: Process): Promise<Row> {
  const row = new Row()
  // The second time, because a cache may let go of what another process has loaded, too.
  for (const each of [b, a, b]) {
    await each.read(KEY, row.load)
    await turns()
  }
  const { reads } = row
  await b.read(KEY, row.load)
  if (row.reads !== reads) throw new Error('a value that was loaded is not held')
  return row
}

/** The way from `a` to `b` works, as long as nothing is lost. */
async function learns(a: Process, b: Process, delivered: () => Promise<void>): Promise<void> {
  const row = new Row()
  const key = 'user:8'
  for (const each of [a, b]) await each.read(key, row.load)
  await turns()
  row.value = 'new'
  await a.invalidate(key)
  await delivered()
  const seen = await b.read(key, row.load)
  if (seen !== 'new')
    throw new Error('an invalidation does not reach the other process even when nothing is lost')
}

/** Reads until the new row is served, or a read that began after the bound was given the old one. */
async function untilNew(process: Process, row: Row, { boundMs = BOUND_MS }: Subject): Promise<Result> {
  const began = performance.now()
  for (;;) {
    const asked = performance.now() - began
    const seen = await within(process.read(KEY, row.load), PATIENCE_MS, 'a read')
    if (seen === 'new') return verdict(true, `new within ${boundMs} ms`)
    if (asked > boundMs) return verdict(false, `still ${seen} after ${boundMs} ms`)
    await new Promise<void>((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

async function nextMillisecond(): Promise<void> {
  const now = Date.now()
  while (Date.now() <= now + 1) await new Promise<void>((resolve) => setTimeout(resolve, 1))
}

/** What comes of a race within a process. */
export async function race(subject: Subject, name: LocalRaceName): Promise<Result> {
  const run: Race = RACES[name]
  const fleet = await subject.open(name === 'load across an invalidation of its tag')
  try {
    await holds(fleet)
    return await within(run(fleet, subject), 3 * PATIENCE_MS, name)
  } finally {
    await fleet.close()
  }
}

/** A cache that held nothing would pass every race. */
async function holds({ a, b }: Fleet): Promise<void> {
  for (const each of [a, b]) {
    const row = new Row()
    await each.read(`${TAG}:control`, row.load)
    await turns()
    await each.read(`${TAG}:control`, row.load)
    if (row.reads > 1) throw new Error('a value that was loaded is not held')
  }
}
