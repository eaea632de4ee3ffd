import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { Memcache } from 'memcache'
import { afterEach, describe, expect, it } from 'vitest'
import { memcached, memcachedSink, memcachedTier } from '../../../../adapters/stores/memcached.ts'
import type { MetaFailure, MetaReply } from '../../../../adapters/stores/memcached/meta.ts'
import { ReplyReader } from '../../../../adapters/stores/memcached/reply-reader.ts'

const PLACE = { namespace: 'n', partition: 0, logId: undefined }

describe('replies of Memcached', () => {
  const read = (chunks: readonly Uint8Array[], maxValueBytes = 1000) => {
    const replies: (MetaReply | MetaFailure)[] = []
    const reader = new ReplyReader(maxValueBytes, (reply) => replies.push(reply))
    for (const chunk of chunks) reader.push(chunk)
    return replies
  }

  it('are the same however they are cut', () => {
    const value = '\r\nVA 3\r\nEN\r\nHD c9\r\n'
    const text = `HD c17\r\nVA ${value.length} c18446744073709551615\r\n${value}\r\nEN\r\nVA 0\r\n\r\nNS\r\nVA 1001 c5\r\n${'x'.repeat(1001)}\r\nSERVER_ERROR out of memory storing object\r\nHD f0 c3 t-1\r\n`
    const bytes = Buffer.from(text)
    const whole = read([bytes])
    expect(whole).toMatchObject([
      { code: 'HD', cas: '17' },
      { code: 'VA', cas: '18446744073709551615', value: new TextEncoder().encode(value) },
      { code: 'EN' },
      { code: 'VA', value: new Uint8Array() },
      { code: 'NS' },
      { code: 'VA', cas: '5', value: undefined },
      { message: 'SERVER_ERROR out of memory storing object' },
      { code: 'HD', cas: '3' },
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        const edges = [0, ...cuts.toSorted((one, other) => one - other), bytes.length]
        const chunks = edges.slice(1).map((edge, at) => bytes.subarray(edges[at], edge))
        expect(read(chunks)).toEqual(whole)
      }),
    )
  })

  it('that are none end in an error, whatever they are', () => {
    const lines = fc.uint8Array({ minLength: 1, maxLength: 6000 })
    fc.assert(
      fc.property(lines, (bytes) => {
        try {
          for (const reply of read([bytes])) expect(reply).toBeDefined()
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_PROTOCOL', retryable: true })
        }
      }),
    )
    for (const text of [
      'HELLO\r\n',
      'VA x\r\n',
      'VA -1\r\n',
      'VA 99999999999\r\n',
      '\r\n',
      'x'.repeat(5000),
    ]) {
      expect(() => read([Buffer.from(text)])).toThrow('no meta command')
    }
  })
})

describe('a server that is no Memcached', () => {
  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })

  async function serverThat(answers: (socket: Socket, asked: string) => void): Promise<Memcache> {
    const sockets = new Set<Socket>()
    const server: Server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => answers(socket, bytes.toString('latin1')))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = new Memcache({ nodes: [`127.0.0.1:${(server.address() as AddressInfo).port}`] })
    ends.push(
      () => client.disconnect(),
      () => sockets.forEach((socket) => socket.destroy()),
      () => server.close(),
    )
    return client
  }
  const tierOn = (client: Memcache, timeout = 10_000) => memcachedTier(memcached(client), { timeout })

  it.each([
    ['speaks another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'ERR_PROTOCOL', true],
    ['knows no meta commands', 'ERROR\r\n', 'ERR_UNSUPPORTED', false],
    ['answers more than was asked', 'EN\r\nEN\r\nEN\r\n', 'none', true],
    ['begins a line that does not end', 'x'.repeat(10_000), 'ERR_PROTOCOL', true],
    ['promises what does not come', 'VA 999999999\r\nx', 'ERR_TIMEOUT', true],
    ['says nothing', '', 'ERR_TIMEOUT', true],
  ])('%s', async (_, answer, code, retryable) => {
    const tier = tierOn(
      await serverThat((socket) => socket.write(answer)),
      code === 'ERR_TIMEOUT' ? 400 : undefined,
    )
    for (let round = 0; round < 3; round++) {
      const outcome = await tier.getMany(PLACE, ['a']).then(
        ({ items }) => ({ code: 'none', retryable: true, size: items.size }),
        (error: unknown) => error,
      )
      // What came too much has ended the connection; it may be noticed by the call after it.
      if (code === 'none') expect(['none', 'ERR_NETWORK']).toContain((outcome as { code: string }).code)
      else expect(outcome).toMatchObject({ code, retryable })
    }
  })

  it('closes its connections again and again', async () => {
    const tier = tierOn(await serverThat((socket) => socket.destroy()))
    for (let round = 0; round < 5; round++) {
      await expect(tier.getMany(PLACE, ['a'])).rejects.toMatchObject({ code: 'ERR_NETWORK', retryable: true })
    }
  })

  it('that refuses the login fails with an error that leaves out the password', async () => {
    const client = await serverThat((socket, asked) =>
      socket.write(`CLIENT_ERROR bad ${asked.replaceAll('\r\n', ' ')}\r\n`),
    )
    const auth = { username: 'kedge', password: 'open-sesame' }
    const error = (await memcachedSink(memcached(client, { auth }))
      .state('s')
      .catch((reason: unknown) => reason)) as Error
    expect(error).toMatchObject({ code: 'ERR_AUTH', retryable: false })
    expect(JSON.stringify([error.message, String(error.cause), error.stack])).not.toContain('sesame')
  })

  it('is connected to once by many calls at once', async () => {
    let connections = 0
    const client = await serverThat((socket, asked) => {
      for (const _ of asked.matchAll(/mg /g)) socket.write('EN\r\n')
    })
    client.on('connect', () => connections++)
    const tier = tierOn(client)
    await Promise.all(Array.from({ length: 50 }, (_, at) => tier.getMany(PLACE, [`k${at}`])))
    expect(connections).toBe(1)
  })
})
