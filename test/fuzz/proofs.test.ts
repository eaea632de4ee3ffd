/** Documents of proofs: from a tail, and from a store into which others may write. None makes a sample younger than it is. */
import { describe, it } from 'vitest'
import { Echoes } from '../../adapters/sharing/tail/echoes.ts'
import { decodeProof, encodeProof, type Proof } from '../../adapters/sharing/tail/proof.ts'
import { STORE_LIMITS } from '../../adapters/sharing/tail/limits.ts'
import { SignedStore } from '../../adapters/sharing/tail/signed-store.ts'
import { SharedProofs } from '../../adapters/sharing/tail/shared-proofs.ts'
import { Keyring } from '../../src/signing/keyring.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import { STRANGE } from './corpus.ts'
import type { Dice } from './dice.ts'
import { changedLine, mutant } from './mutation.ts'

const SECRET = 'c2VjcmV0'.repeat(6)
const PLACE = 'cache-evictions/0'
const PPM = 1000

const base = { v: 1, log: 'q9Zc2vJ5T7m', life: 'a1b2c3d4', beginning: 0 }
const PROOFS: readonly object[] = [
  { ...base, at: 81_230, end: 0, base: 0, next: 0, records: [] },
  { ...base, at: 81_230, end: 7, base: 7, next: 7, records: [], theirs: 81_260, question: 'q1', cost: 34 },
  {
    ...base,
    at: 81_900,
    beginning: 3,
    end: 9,
    base: 5,
    next: 10,
    records: [[5, null, 'eyJ2IjoxfQ==', 1_700_000_000_000], [6, 'dXNlcnMvNw==', null], [9, '', '']],
    cost: 0,
  }, // prettier-ignore
  { ...base, life: 'another', at: -5, end: 2, base: 2, next: 2, records: [] },
]

/** Two clocks that run true within the drift: of the reader, whose time is the true one, and of the life that it has asked. */
interface Clocks {
  readonly offset: number
  readonly pace: number
  readonly asked: number
  readonly now: number
}

interface Input {
  readonly text: string
  /** Whether one who has the key signed the text; whether a stranger then changed the entry. */
  readonly isSigned: boolean
  readonly isSpoiled: boolean
  readonly clocks: Clocks
}

function make(dice: Dice, kept: string | undefined): Input {
  const isStrange = kept === undefined && dice.chance(0.02)
  const text = isStrange ? dice.pick(STRANGE) : (kept ?? new TextDecoder().decode(mutant(PROOFS, dice)))
  const asked = 1000 + dice.below(100_000)
  const clocks = {
    // So that the moments of the corpus lie around the question: the others are hours away.
    offset: dice.chance(0.8) ? 81_000 - asked + dice.below(2000) : dice.below(2e9) - 1e9,
    pace: 1 + (dice.random() - 0.5) * (PPM / 1e6),
    asked,
    now: asked + dice.below(60_000),
  }
  return { text, isSigned: dice.chance(0.6), isSpoiled: dice.chance(0.2), clocks }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${what} is not what it may be`)
}

const isOffset = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** What follows from a proof must hold, also where it is signed. */
function judge(proof: Proof): void {
  const { beginning, end, base: first, next, records, at } = proof
  must([beginning, end, first, next].every(isOffset) && Number.isSafeInteger(at), 'a number of a proof')
  must(beginning <= first && first <= next && beginning <= end && end <= next, 'a bound of a proof')
  let least = first
  for (const { offset, key, value } of records) {
    must(isOffset(offset) && offset >= least && offset < next, 'the offset of a record')
    must(
      [key, value].every((each) => each === null || each instanceof Uint8Array),
      'a record',
    )
    least = offset + 1
  }
  must(encodeProof(decodeProof(encodeProof(proof))!) === encodeProof(proof), 'a proof that is written again')
}

/** An age is never below the time since the clock of that life showed `at`: whatever else the document says. */
function judgeAge(proof: Proof, { offset, pace, asked, now }: Clocks): string {
  const theirs = (moment: number): number => offset + moment * pace
  const echoes = new Echoes(PPM)
  echoes.note('a1b2c3d4', asked, Math.ceil(theirs(asked + 30)))
  const ageMs = echoes.ageMs(proof, now, -Infinity)
  if (proof.life !== 'a1b2c3d4') {
    must(ageMs === Infinity, 'the age of a life that was never asked')
    return 'of no known age'
  }
  const sampled = (proof.at - offset) / pace
  // A moment that no clock that runs true can have shown yet, or none within its exact numbers, says nothing of clocks.
  if (Math.abs(sampled) > 1e12) return 'of another time'
  must(ageMs >= now - sampled, `an age of ${ageMs} ms after ${now - sampled}`)
  return 'of known age'
}

const keyring = new Keyring([{ id: 'tail', secret: SECRET }])
let entry: string | undefined
const signed = new SignedStore({ get: async () => entry, put: async () => undefined }, SECRET)
const proofs = new SharedProofs(signed, STORE_LIMITS)
const encoder = new TextEncoder()

async function feedStore({ text, isSigned, isSpoiled, clocks }: Input, dice: Dice): Promise<string> {
  const about = { topic: `kedge/tail/${dice.chance(0.1) ? 'other/0' : PLACE}`, key: null }
  const signature = isSigned
    ? await keyring.sign(about, encoder.encode(text), 1_700_000_000_000)
    : dice.pick(['', 'tail.1.AAAA', 'tail.1.*', 'none', `tail.1.${'A'.repeat(43)}`])
  const whole = `${signature}\n${text}`
  entry = isSpoiled ? changedLine(whole, dice) : whole
  const found = await proofs.find(PLACE, AbortSignal.timeout(10_000))
  if (found === undefined) return 'refused'
  must(isSigned && about.topic.endsWith(PLACE), 'a proof that no key of ours signed for this place')
  const { theirs: _, question: __, ...told } = decodeProof(text)!
  must(encodeProof(found) === encodeProof(told), 'a proof, which has no echo in a store,')
  judge(found)
  return `signed, ${judgeAge(found, clocks)}`
}

function feed(input: Input, dice: Dice): string | Promise<string> {
  if (dice.chance(0.4)) return feedStore(input, dice)
  const proof = decodeProof(input.text)
  if (proof === undefined) return 'none'
  judge(proof)
  return judgeAge(proof, input.clocks)
}

describe('a proof', () => {
  it(
    called('proofs', 'is none, or has its records within its bounds and makes nothing younger than it is'),
    TIMEOUT,
    async () => {
      await run({
        decoder: 'proofs',
        make,
        feed,
        show: ({ text, ...rest }) => ({ text: text.slice(0, 1000), ...rest }),
        sees: [
          'none',
          'refused',
          'of known age',
          'of no known age',
          'signed, of known age',
          'signed, of no known age',
        ],
      })
    },
  )
})
