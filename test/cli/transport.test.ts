import { expect, it, vi } from 'vitest'
import { transportOf } from '../../cli/transport.ts'
import type { Session } from '../../cli/session.ts'

const session = { fetch } as Session

it('Where undici cannot be loaded, the default is fetch, and a request for undici fails with the reason', async () => {
  vi.doMock('undici', () => Promise.reject(new TypeError('zlib.createZstdDecompress is not there')))
  expect(await transportOf(undefined, session)).toMatchObject({ name: 'fetch' })
  await expect(transportOf('undici', session)).rejects.toThrow('it needs Node 22.19 or newer')
})
