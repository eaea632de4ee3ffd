/** Segments of a log, out of a store into which others may write: whole and signed, or none. */
import { describe, it } from 'vitest'
import { decodeSegment, Segments } from '../../adapters/sharing/tail/segments.ts'
import { STORE_LIMITS } from '../../adapters/sharing/tail/limits.ts'
import { SignedStore } from '../../adapters/sharing/tail/signed-store.ts'
import { Keyring } from '../../src/signing/keyring.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import { STRANGE } from './corpus.ts'
import type { Dice } from './dice.ts'
import { changedLine, mutant } from './mutation.ts'

const SECRET = 'c2VjcmV0'.repeat(6)
const [BASE, NEXT] = [256, 512]
const SEGMENTS: readonly object[] = [
  { v: 1, base: 256, next: 512, records: [] },
  { v: 1, base: 256, next: 512, records: [[256, null, 'eyJ2IjoxfQ==', 1_700_000_000_000], [511, '', null]] },
  { v: 1, base: 512, next: 768, records: [[512, null, null]] },
  { v: 1, base: 256, next: 512, records: [[300, 'dXNlcnMvNw==', 'eA=='], [301, null, 'eA=='], [400, null, '']] },
] // prettier-ignore

interface Input {
  readonly text: string
  /** Under which name it was signed, if it was. */
  readonly signedAs: string | undefined
  readonly isSpoiled: boolean
}

const NAME = 'cache-evictions/0/log/1'

const make = (dice: Dice, kept: string | undefined): Input => ({
  text: kept ?? (dice.chance(0.02) ? dice.pick(STRANGE) : new TextDecoder().decode(mutant(SEGMENTS, dice))),
  signedAs: dice.pick([NAME, NAME, NAME, 'cache-evictions/0/log/2', 'cache-evictions/0/other/1', undefined]),
  isSpoiled: dice.chance(0.2),
})

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${what} is not what it may be`)
}

/** Ascending, within the segment. */
function judge(records: readonly { readonly offset: number }[], from: number): void {
  let least = from
  for (const { offset } of records) {
    must(Number.isSafeInteger(offset) && offset >= least && offset < NEXT, 'the offset of a record')
    least = offset + 1
  }
}

const keyring = new Keyring([{ id: 'tail', secret: SECRET }])
let entry: string | undefined
const store = new SignedStore({ get: async () => entry, put: async () => undefined }, SECRET)
const encoder = new TextEncoder()

async function feed({ text, signedAs, isSpoiled }: Input, dice: Dice): Promise<string> {
  const bare = decodeSegment(text, BASE, NEXT)
  if (bare) {
    const { base, next } = JSON.parse(text) as Record<string, unknown>
    must(base === BASE && next === NEXT, 'a segment of these offsets')
    judge(bare.records, BASE)
  }
  const about = { topic: `kedge/tail/${signedAs ?? ''}`, key: null }
  const signature =
    signedAs === undefined
      ? dice.pick(['', 'tail.1.*', 'none'])
      : await keyring.sign(about, encoder.encode(text), 1)
  const whole = `${signature}\n${text}`
  entry = isSpoiled ? changedLine(whole, dice) : whole
  const offset = BASE + dice.below(200)
  const signal = AbortSignal.timeout(10_000)
  const found = await new Segments(store, STORE_LIMITS).read(
    'cache-evictions/0',
    'log',
    offset,
    offset + 1,
    signal,
  )
  if (found === undefined) return bare === undefined ? 'none' : 'refused'
  must(signedAs === NAME && bare !== undefined, 'a segment that no key of ours signed for this place')
  must(found.base === offset && found.next === NEXT, 'what was read')
  judge(found.records, offset)
  must(found.records.length === bare!.records.filter((each) => each.offset >= offset).length, 'what was read')
  return 'read'
}

describe('a segment', () => {
  it(called('segments', 'is whole and signed for its place, or none'), TIMEOUT, async () => {
    await run({
      decoder: 'segments',
      make,
      feed,
      show: ({ text, ...rest }) => ({ text: text.slice(0, 1000), ...rest }),
      sees: ['none', 'refused', 'read'],
    })
  })
})
