import { describe, expect, it } from 'vitest'
import { regionOf, TAIL_REGIONS } from '../../../worker/tail.ts'

describe('the region of a request', () => {
  it.each([
    ['San Francisco', 'NA', '-122.42', 'wnam'],
    ['Denver', 'NA', '-104.99', 'wnam'],
    ['Chicago', 'NA', '-87.63', 'enam'],
    ['São Paulo', 'SA', '-46.63', 'sam'],
    ['London', 'EU', '-0.13', 'weur'],
    ['Berlin', 'EU', '13.40', 'weur'],
    ['Warsaw', 'EU', '21.01', 'eeur'],
    ['Dubai', 'AS', '55.27', 'me'],
    ['Mumbai', 'AS', '72.88', 'apac'],
    ['Tokyo', 'AS', '139.69', 'apac'],
    ['Sydney', 'OC', '151.21', 'oc'],
    ['Nairobi', 'AF', '36.82', 'afr'],
  ])('of a client in %s is the one near it', (_, continent, longitude, region) => {
    expect(regionOf({ continent, longitude })).toBe(region)
    expect(TAIL_REGIONS).toContain(region)
  })

  it.each([
    ['NA', 'enam'],
    ['EU', 'weur'],
    ['AS', 'apac'],
  ])('is the larger part of %s where its longitude is not told', (continent, region) => {
    for (const longitude of [undefined, '', 'east', 7])
      expect(regionOf({ continent, longitude })).toBe(region)
  })

  it.each([undefined, null, {}, 'EU', { continent: 'AN' }, { continent: 7 }, { country: 'T1' }])(
    'is not known by %j',
    (cf) => {
      expect(regionOf(cf)).toBeUndefined()
    },
  )
})
