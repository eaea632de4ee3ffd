import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Airport, Airports } from '../../../examples/tour/airports.ts'
import { createOrigin } from '../../../examples/tour/origin.ts'
import { serveApp, type OpenServer } from '../../../examples/tour/server.ts'

describe('the origin, over HTTP', () => {
  let airports: Airports
  let server: OpenServer

  beforeEach(async () => {
    airports = new Airports()
    server = await serveApp(createOrigin(airports), { port: 0, orAnother: false })
  })

  afterEach(async () => {
    await server.close()
    airports.close()
  })

  function put(path: string, body: unknown): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const headers = { 'content-type': 'application/json' }
    return fetch(server.url + path, { method: 'PUT', body: text, headers })
  }

  const statsOf = async (): Promise<unknown> => (await fetch(`${server.url}/stats`)).json()

  it('answers a row with its tags', async () => {
    const response = await fetch(`${server.url}/airports/KEF`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toMatchObject({
      value: { code: 'KEF', city: 'Reykjavík', country: 'IS', continent: 'EU' },
      tags: ['country:IS', 'continent:EU'],
    })
  })

  it('answers what was written, and tags the row by what it has become', async () => {
    const written = await put('/airports/KEF', { value: { city: 'Keflavík', country: 'XK' } })
    expect(written.status).toBe(200)
    expect(await written.json()).toMatchObject({ value: { code: 'KEF', city: 'Keflavík', country: 'XK' } })
    const read = await fetch(`${server.url}/airports/KEF`)
    expect(await read.json()).toMatchObject({
      value: { city: 'Keflavík' },
      tags: ['country:XK', 'continent:EU'],
    })
  })

  it('takes a whole row back as it was read', async () => {
    const response = await fetch(`${server.url}/airports/KEF`)
    const { value } = z.object({ value: Airport }).parse(await response.json())
    expect((await put('/airports/KEF', { value })).status).toBe(200)
    expect((await put('/airports/JFK', { value })).status).toBe(400)
  })

  it('counts reads and writes, and no writes that were refused', async () => {
    expect(await statsOf()).toStrictEqual({ rows: 4516, reads: 0, writes: 0 })
    await fetch(`${server.url}/airports/KEF`)
    await fetch(`${server.url}/airports/KEF`)
    await put('/airports/KEF', { value: { city: 'Keflavík' } })
    await put('/airports/KEF', { value: { city: 7 } })
    await put('/airports/000', { value: { city: 'Nowhere' } })
    expect(await statsOf()).toStrictEqual({ rows: 4516, reads: 2, writes: 1 })
  })

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['no object', '[]'],
    ['no value', {}],
    ['an empty change', { value: {} }],
    ['an unknown column', { value: { colour: 'red' } }],
    ['an unknown member beside the value', { value: { city: 'A' }, extra: 1 }],
    ['a text where a number belongs', { value: { lat: '64' } }],
    ['a latitude beyond the pole', { value: { lat: 90.1 } }],
    ['a name without letters', { value: { name: '' } }],
    ['a name without end', { value: { name: 'a'.repeat(201) } }],
    ['an elevation between two feet', { value: { elevation_ft: 0.5 } }],
    ['a country in small letters', { value: { country: 'is' } }],
    ['a continent that sank', { value: { continent: 'AT' } }],
    ['a name that is null', { value: { name: null } }],
    ['another code', { value: { code: 'JFK', city: 'Keflavík' } }],
    ['a prototype', '{"value":{"__proto__":{"city":"Keflavík"}}}'],
  ])('refuses a change that is %s with 400, and changes nothing', async (_, body) => {
    const before = airports.find('KEF')
    const response = await put('/airports/KEF', body)
    expect(response.status).toBe(400)
    expect(await response.json()).toStrictEqual({ error: expect.any(String) })
    expect(airports.find('KEF')).toStrictEqual(before)
  })

  it('refuses a body above its limit with 413, also one of unknown length', async () => {
    const large = JSON.stringify({ value: { city: 'a'.repeat(20_000) } })
    expect((await put('/airports/KEF', large)).status).toBe(413)
    const chunks = new Blob([large]).stream()
    const init = { method: 'PUT', body: chunks, duplex: 'half' } as const
    expect((await fetch(`${server.url}/airports/KEF`, init)).status).toBe(413)
  })

  it.each([
    '/airports/000',
    '/airports/kef',
    '/airports/%27%20or%201=1',
    '/airports/%00',
    '/airports/%E0%A4%A',
  ])('knows no row at %s', async (path) => {
    expect((await fetch(server.url + path)).status).toBe(404)
    expect((await put(path, { value: { city: 'Nowhere' } })).status).toBe(404)
  })

  it.each(['/', '/airports', '/airports/', '/airports/KEF/city', '/countries/IS', '/stats/1'])(
    'has no route %s',
    async (path) => {
      const response = await fetch(server.url + path)
      expect(response.status).toBe(404)
      expect(await response.json()).toStrictEqual({ error: 'no such route' })
    },
  )

  it.each([
    ['POST', '/airports/KEF', 'GET, HEAD, PUT'],
    ['DELETE', '/airports/KEF', 'GET, HEAD, PUT'],
    ['PUT', '/stats', 'GET, HEAD'],
    ['POST', '/stats', 'GET, HEAD'],
  ])('refuses %s %s with 405 and says what is allowed', async (method, path, allow) => {
    const response = await fetch(server.url + path, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
  })

  it('outlives a client that does not speak HTTP', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    const answer = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('data', (data) => resolve(data.toString()))
      socket.write('\u0000\u0001 nonsense\r\n\r\n')
    })
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 400/)
    expect((await fetch(`${server.url}/airports/KEF`)).status).toBe(200)
  })
})
