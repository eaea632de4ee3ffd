/** How long an answer may be kept, by its headers. */
import { describe, expect, it } from 'vitest'
import { lifetimeOf } from '../../worker/cache-lifetime.ts'

const DAY = 86_400_000
const NOW = Date.parse('Tue, 01 Jan 2030 00:00:30 GMT')
const of = (headers: Record<string, string>) => lifetimeOf(new Headers(headers), DAY, () => NOW)
const cc = (text: string, more: Record<string, string> = {}) => of({ 'cache-control': text, ...more })
const never = (unheld: string) => ({ ttl: 0, swr: 0, staleIfError: 0, unheld })

describe('an answer', () => {
  it('that says nothing leaves it to the settings', () => {
    expect(of({})).toEqual({})
    expect(cc('public')).toEqual({})
  })

  it.each([
    ['max-age=60', { ttl: 60_000 }],
    ['MAX-AGE="60"', { ttl: 60_000 }],
    ['max-age = 60', { ttl: 60_000 }],
    ['max-age=60, s-maxage=10', { ttl: 10_000, swr: 0, staleIfError: 0 }],
    ['s-maxage=600,max-age=0', { ttl: 600_000, swr: 0, staleIfError: 0 }],
    ['s-maxage=60, stale-while-revalidate=30', { ttl: 60_000, swr: 30_000, staleIfError: 0 }],
    ['s-maxage=60, stale-if-error=30', { ttl: 60_000, swr: 0, staleIfError: 30_000 }],
    ['s-maxage=60, stale-if-error=30, proxy-revalidate', { ttl: 60_000, swr: 0, staleIfError: 0 }],
    ['max-age=60, max-age=30', { ttl: 30_000 }],
    ['x="a, no-store, b", max-age=60', { ttl: 60_000 }],
    ['max-age=0', { ttl: 0 }],
    ['max-age=soon', { ttl: 0 }],
    ['max-age=-5', { ttl: 0 }],
    ['max-age', { ttl: 0 }],
    [
      'max-age=60, stale-while-revalidate=30, stale-if-error=3600',
      { ttl: 60_000, swr: 30_000, staleIfError: 3_600_000 },
    ],
    ['stale-if-error=10', { staleIfError: 10_000 }],
    ['max-age=60, stale-while-revalidate=30, must-revalidate', { ttl: 60_000, swr: 0, staleIfError: 0 }],
    ['max-age=60, proxy-revalidate', { ttl: 60_000, swr: 0, staleIfError: 0 }],
  ])('with Cache-Control: %s', (text, expected) => {
    expect(cc(text)).toEqual(expected)
  })

  it.each([
    ['no-store', 'no-store'],
    ['No-Store, max-age=60', 'no-store'],
    ['private', 'private'],
    ['private="set-cookie", max-age=60', 'private'],
    ['no-cache', 'no-cache'],
    ['no-cache="x"', 'no-cache'],
    [`max-age=60${', a'.repeat(2000)}`, 'cache-control: too long'],
  ])('is not kept with Cache-Control: %s, and says why', (text, why) => {
    expect(cc(text)).toEqual(never(why))
  })

  it('is not kept under `Vary: *`', () => {
    expect(cc('max-age=60', { vary: '*' })).toEqual(never('vary: *'))
    for (const vary of ['Accept-Encoding, *', '*,accept', ' * ', 'a,*\t,b'])
      expect(cc('max-age=60', { vary }), vary).toEqual(never('vary: *'))
    const twice = new Headers({ 'cache-control': 'max-age=60', vary: 'accept' })
    twice.append('vary', '*')
    expect(lifetimeOf(twice, DAY, () => NOW)).toEqual(never('vary: *'))
  })

  it.each([
    ['Accept-Language', 'vary: accept-language (put it into the key)'],
    ['accept, Cookie', 'vary: cookie (put it into the key)'],
    ['X-Tenant,accept-encoding', 'vary: x-tenant (put it into the key)'],
    ['x*', 'vary: x* (put it into the key)'],
    ['a"b', 'vary: malformed'],
    ['x'.repeat(61), 'vary: malformed'],
    ['accept,'.repeat(1000), 'vary: too long'],
  ])('is not kept where it varies by a header that the origin does not see: %s', (vary, why) => {
    expect(cc('public, max-age=60', { vary })).toEqual(never(why))
  })

  it.each(['accept', 'Accept-Encoding, ,authorization', 'Origin, Access-Control-Request-Method', ''])(
    'is kept where it varies by what is the same in all requests: %s',
    (vary) => {
      expect(cc('max-age=60', { vary })).toEqual({ ttl: 60_000 })
    },
  )

  it('is not kept where it sets a cookie, unless it says that it is for all', () => {
    const cookie = { 'set-cookie': 'session=1' }
    expect(of(cookie)).toEqual(never('set-cookie'))
    expect(cc('max-age=60', cookie)).toEqual(never('set-cookie'))
    expect(cc('public, max-age=60', cookie)).toEqual({ ttl: 60_000 })
    expect(cc('s-maxage=60', cookie)).toEqual({ ttl: 60_000, swr: 0, staleIfError: 0 })
    expect(cc('public, private', cookie)).toEqual(never('private'))
  })

  it('is younger by the age that it has already, and so are its windows', () => {
    expect(cc('max-age=60', { age: '45' })).toEqual({ ttl: 15_000 })
    expect(cc('max-age=60, stale-while-revalidate=30', { age: '45' })).toEqual({ ttl: 15_000, swr: 30_000 })
    expect(cc('max-age=60, stale-while-revalidate=30', { age: '80' })).toEqual({ ttl: 0, swr: 10_000 })
    expect(cc('max-age=60, stale-while-revalidate=30', { age: '300' })).toEqual({ ttl: 0, swr: 0 })
    expect(cc('max-age=60', { age: 'old' })).toEqual({ ttl: 60_000 })
  })

  it('is kept until it expires, by the clock of the origin, where nothing else is said', () => {
    const date = 'Tue, 01 Jan 2030 00:00:00 GMT'
    expect(of({ date, expires: 'Tue, 01 Jan 2030 00:01:00 GMT' })).toEqual({ ttl: 60_000 })
    expect(of({ date, expires: '0' })).toEqual({ ttl: 0 })
    expect(of({ date, expires: 'Mon, 31 Dec 2029 00:00:00 GMT' })).toEqual({ ttl: 0 })
    expect(cc('max-age=5', { date, expires: 'Tue, 01 Jan 2030 00:01:00 GMT' })).toEqual({ ttl: 5000 })
  })

  it('is kept until it expires, from its receipt on, where the origin gives no Date', () => {
    expect(of({ expires: 'Tue, 01 Jan 2030 00:01:00 GMT' })).toEqual({ ttl: 30_000 })
    expect(of({ expires: 'Tue, 01 Jan 2030 00:00:30 GMT' })).toEqual({ ttl: 0 })
    expect(of({ expires: 'Tue, 01 Jan 2030 00:00:00 GMT' })).toEqual({ ttl: 0 })
    expect(of({ expires: 'Tue, 01 Jan 2030 00:01:00 GMT', date: 'soon' })).toEqual({ ttl: 0 })
  })

  it('is not kept for longer than is allowed', () => {
    expect(cc('max-age=31536000, stale-if-error=31536000')).toEqual({ ttl: DAY, staleIfError: DAY })
    expect(cc(`max-age=${'9'.repeat(400)}`)).toEqual({ ttl: DAY })
  })
})
