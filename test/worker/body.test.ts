import { describe, expect, it } from 'vitest'
import { isJson, MAX_JSON_DEPTH, readJson } from '../../worker/body.ts'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const read = (body: BodyInit | null, maxBytes = 1000) => readJson(new Response(body), maxBytes)

describe('readJson', () => {
  it('reads JSON that comes in pieces, also in the middle of a character', async () => {
    const bytes = new TextEncoder().encode('{"city":"Reykjavík"}')
    const body = new ReadableStream({
      start: (controller) => {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]))
        controller.close()
      },
    })
    expect(await read(body)).toEqual({ city: 'Reykjavík' })
  })

  it('takes what is exactly as large as the limit', async () => {
    expect(await read('"abc"', 5)).toBe('abc')
    await expect(read('"abcd"', 5)).rejects.toMatchObject({ fault: 'too large' })
  })

  it('refuses by the announced length without reading', async () => {
    let cancelled = false
    const body = new ReadableStream({
      cancel: () => {
        cancelled = true
      },
    })
    const response = new Response(body, { headers: { 'content-length': '1001' } })
    await expect(readJson(response, 1000)).rejects.toMatchObject({ fault: 'too large' })
    expect(cancelled).toBe(true)
  })

  it('does not trust the announced length', async () => {
    const response = new Response('"abcdef"', { headers: { 'content-length': '1' } })
    await expect(readJson(response, 5)).rejects.toMatchObject({ fault: 'too large' })
  })

  it('counts the depth of nesting, and no brackets within texts', async () => {
    expect(await read(nested(MAX_JSON_DEPTH))).toBeInstanceOf(Array)
    await expect(read(nested(MAX_JSON_DEPTH + 1))).rejects.toMatchObject({ fault: 'too deep' })
    const text = `${'['.repeat(200)}"\\`
    expect(await read(JSON.stringify([text]))).toEqual([text])
    expect(await read(`[${Array.from({ length: 200 }, () => '{}').join()}]`)).toHaveLength(200)
  })

  it('says what is wrong with a body', async () => {
    await expect(read(null)).rejects.toMatchObject({ fault: 'empty' })
    await expect(read(' \n')).rejects.toMatchObject({ fault: 'empty' })
    await expect(read('{')).rejects.toMatchObject({ fault: 'not json' })
    await expect(read(new Uint8Array([0xc3, 0x28]))).rejects.toMatchObject({ fault: 'not utf-8' })
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    await expect(read(broken)).rejects.toMatchObject({ fault: 'broken off' })
  })
})

describe('isJson', () => {
  it.each(['application/json', 'APPLICATION/JSON ; charset=utf-8', 'application/ld+json'])(
    'takes %s',
    (type) => {
      expect(isJson(type)).toBe(true)
    },
  )

  it.each([undefined, null, '', 'text/json', 'application/json5', 'application/x-json', 'xapplication/json'])(
    'refuses %s',
    (type) => {
      expect(isJson(type)).toBe(false)
    },
  )
})
