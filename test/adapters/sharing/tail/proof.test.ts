/** Documents of proofs: what is none is not taken for one. */
import { describe, expect, it } from 'vitest'
import { decodeProof, encodeProof } from '../../../../adapters/sharing/tail/proof.ts'
import type { Proof } from '../../../../adapters/sharing/tail/proof.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'

const PROOF: Proof = {
  logId: 'q9Zc2vJ5T7m',
  life: 'a1b2c3d4',
  at: 81_230,
  beginning: 0,
  end: 120,
  base: 117,
  next: 121,
  records: [
    { offset: 117, key: null, value: encodeUtf8('{"v":1}'), timestamp: 1_700_000_000_000 },
    { offset: 120, key: encodeUtf8('key'), value: null },
  ],
  question: 'deadbeef',
  theirs: 81_260,
  costMs: 34,
}
const document = JSON.parse(encodeProof(PROOF)) as Record<string, unknown>
const altered = (change: Record<string, unknown>) => decodeProof(JSON.stringify({ ...document, ...change }))

describe('the document of a proof', () => {
  it('comes back as it was', () => {
    expect(decodeProof(encodeProof(PROOF))).toEqual(PROOF)
    const { question: _, theirs: __, costMs: ___, ...rest } = PROOF
    expect(decodeProof(encodeProof({ ...rest, records: [] }))).toEqual({ ...rest, records: [] })
  })

  it('may say more than is known of it', () => expect(altered({ more: [1] })).toEqual(PROOF))

  it.each<[string, Record<string, unknown>]>([
    ['another version', { v: 2 }],
    ['no log', { log: undefined }],
    ['a log with a space', { log: 'a b' }],
    ['a name that is too long', { life: 'x'.repeat(65) }],
    ['a moment that is no whole number', { at: 1.5 }],
    ['a moment beyond whole numbers', { at: 2 ** 53 }],
    ['an end before the beginning', { beginning: 130, base: 130, next: 130 }],
    ['records that lie before the beginning', { beginning: 118 }],
    ['an end that its records do not reach', { end: 122 }],
    ['a record before the base', { base: 118 }],
    ['a record past the next', { next: 120 }],
    [
      'records out of order',
      {
        records: [
          [120, null, null],
          [117, null, null],
        ],
      },
    ],
    [
      'a record twice',
      {
        records: [
          [117, null, null],
          [117, null, null],
        ],
      },
    ],
    ['a record with too much', { records: [[117, null, null, 1, 1]] }],
    ['bytes that are no base64', { records: [[117, 'ä', null]] }],
    ['half a group of base64', { records: [[117, 'A', null]] }],
    ['a negative cost', { cost: -1 }],
    ['a cost beyond reason', { cost: 60_001 }],
    ['an echo that is a text', { theirs: '81260' }],
  ])('with %s is none', (_, change) => expect(altered(change)).toBeUndefined())

  it('is none where the text is none, or too long to be looked at', () => {
    for (const text of ['', 'null', '[]', '{', '1', '"proof"']) expect(decodeProof(text)).toBeUndefined()
    expect(decodeProof(`${encodeProof(PROOF)}${' '.repeat(2_000_000)}`)).toBeUndefined()
  })
})
