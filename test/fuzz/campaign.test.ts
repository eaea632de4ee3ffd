import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { countOf, INPUTS } from './campaign.ts'
import type { Decoder } from './campaign.ts'
import { Dice } from './dice.ts'
import { UPDATES } from './corpus.ts'
import { mutant } from './mutation.ts'

const decoders = Object.keys(INPUTS) as Decoder[]

describe('the campaigns', () => {
  it('are a million inputs together, each of which is run', () => {
    expect(decoders.reduce((sum, decoder) => sum + INPUTS[decoder], 0)).toBeGreaterThanOrEqual(1_000_000)
    expect(decoders.reduce((sum, decoder) => sum + countOf(decoder), 0)).toBeGreaterThanOrEqual(200_000)
    const tests = readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith('.test.ts') && name !== 'campaign.test.ts')
      .map((name) => readFileSync(`${import.meta.dirname}/${name}`, 'utf8'))
      .join('')
    for (const decoder of decoders) expect(tests).toMatch(new RegExp(`decoder: '${decoder}'`))
  })

  it('have the same inputs for the same seed, and others for another', () => {
    const inputs = (seed: number) => {
      const dice = new Dice(seed)
      return Array.from({ length: 200 }, () => Buffer.from(mutant(UPDATES, dice)).toString('base64'))
    }
    expect(inputs(7)).toEqual(inputs(7))
    expect(inputs(7)).not.toEqual(inputs(8))
  })
})
