/** The example for the JVM, as its reader runs it: Java evicts over HTTP, where a signature is required. */
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { signed, signingKeys } from '../../src/signing/index.ts'

const SOURCE = fileURLToPath(new URL('../../examples/jvm/SignedEviction.java', import.meta.url))
const hasJava = spawnSync('java', ['-version']).status === 0
const [SECRET, OTHER] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'))

// What a machine lacks is left out; under CI it is an error instead.
/** A Java that compiles a file and runs it takes seconds. */
const timeout = 120_000

describe.skipIf(!hasJava && process.env['CI'] === undefined)('SignedEviction.java', { timeout }, () => {
  let server: RunningGateway
  beforeAll(async () => {
    server = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
  })
  afterAll(() => server.close())

  const evict = async (keys: string, ...args: string[]) => {
    const env = { ...process.env, KEDGE_URL: server.url, KEDGE_SIGN_KEYS: keys }
    return promisify(execFile)('java', ['-XX:TieredStopAtLevel=1', SOURCE, ...args], { env })
  }

  it('is obeyed with the key, for keys of any text, and not with another key', async () => {
    const kafka = signed(gateway({ url: server.url }), { keys: signingKeys(`k1:${SECRET}`), sign: 'require' })
    const cache = createCache({ kafka })
    const users = cache.namespace<string>('users')
    await cache.sync()
    const keys = ['7', 'a "b" \\ c', 'ключ 🔑', 'stays']
    for (const key of keys) await users.getOrSet(key, () => 'Ada')
    const held = async () => {
      await cache.sync()
      return keys.filter((key) => users.peek(key) !== undefined)
    }
    await evict(`k1:${OTHER}`, 'users', ...keys)
    expect([await held(), kafka.signatures().refused]).toEqual([keys, 1])
    const { stdout } = await evict(`k1:${SECRET},k0:${OTHER}`, 'users', ...keys.slice(0, 3))
    expect(JSON.parse(stdout)).toMatchObject({ offsets: [{ partition: 0, offset: 1 }] })
    expect(await held()).toEqual(['stays'])
    expect(kafka.signatures()).toMatchObject({ verified: 1, refused: 1 })
    await cache.close()
  })

  it('fails where the record is not acknowledged', async () => {
    await expect(evict(`k1:${Buffer.alloc(16).toString('base64')}`, 'users', '7')).rejects.toThrow(
      /32 bytes at least/,
    )
    const env = { ...process.env, KEDGE_URL: `${server.url}/nowhere`, KEDGE_SIGN_KEYS: `k1:${SECRET}` }
    await expect(promisify(execFile)('java', [SOURCE, 'users', '7'], { env })).rejects.toThrow(
      /not acknowledged: 404/,
    )
  })
})
