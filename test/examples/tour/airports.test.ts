import { describe, expect, it } from 'vitest'
import { Airports } from '../../../examples/tour/airports.ts'

const HEADER = 'code\tname\tcity\tcountry\tcontinent\tlat\tlon\televation_ft'

function tableOf(...rows: string[]): string {
  return `${[HEADER, ...rows].join('\n')}\n`
}

describe('the airports', () => {
  it('are the 4,516 rows of the data set', () => {
    expect(new Airports().size).toBe(4516)
  })

  it('are found by code', () => {
    const airports = new Airports()
    expect(airports.find('KEF')).toStrictEqual({
      code: 'KEF',
      name: 'Keflavik International Airport',
      city: 'Reykjavík',
      country: 'IS',
      continent: 'EU',
      lat: 63.985,
      lon: -22.6056,
      elevation_ft: 171,
    })
    expect(airports.find('kef')).toBeUndefined()
    expect(airports.find("' or 1=1 --")).toBeUndefined()
  })

  it('keep what an empty cell means: no city, no elevation', () => {
    const airports = new Airports(tableOf('AAA\tAnaa\t\tPF\tOC\t-17.3\t-145.5\t'))
    expect(airports.find('AAA')).toMatchObject({ city: '', elevation_ft: null })
  })

  it('change in the columns that are given alone', () => {
    const airports = new Airports()
    const before = airports.find('KEF')
    expect(airports.change('KEF', { city: '', elevation_ft: 0 })).toBe(true)
    expect(airports.find('KEF')).toStrictEqual({ ...before, city: '', elevation_ft: 0 })
    airports.change('KEF', { elevation_ft: null })
    expect(airports.find('KEF')).toStrictEqual({ ...before, city: '', elevation_ft: null })
    airports.change('KEF', { name: 'K', country: 'XK', continent: 'AN', lat: -1, lon: 0 })
    expect(airports.find('KEF')).toMatchObject({ name: 'K', country: 'XK', continent: 'AN', lat: -1, lon: 0 })
    expect(airports.size).toBe(4516)
  })

  it('keep their code whatever a change says', () => {
    const airports = new Airports()
    airports.change('KEF', { code: 'XXX', city: 'Keflavík' })
    expect(airports.find('KEF')).toMatchObject({ code: 'KEF', city: 'Keflavík' })
    expect(airports.find('XXX')).toBeUndefined()
  })

  it('say that a row which is not there was not changed', () => {
    expect(new Airports().change('000', { city: 'Nowhere' })).toBe(false)
  })

  it.each([
    ['a code of two letters', 'AA\tAnaa\t\tPF\tOC\t1\t1\t1'],
    ['a latitude beyond the pole', 'AAA\tAnaa\t\tPF\tOC\t91\t1\t1'],
    ['a latitude that is no number', 'AAA\tAnaa\t\tPF\tOC\tnorth\t1\t1'],
    ['too few cells', 'AAA\tAnaa'],
  ])('are refused for %s', (_, row) => {
    expect(() => new Airports(tableOf(row))).toThrow()
  })

  it('are refused when a code comes twice', () => {
    const row = 'AAA\tAnaa\t\tPF\tOC\t1\t1\t1'
    expect(() => new Airports(tableOf(row, row))).toThrow(/UNIQUE/)
  })
})
