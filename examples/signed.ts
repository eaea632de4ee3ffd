/**
 * Signed messages: two isolates, a stranger who may write to the log and has no key, and a key that is changed while all
 * of them run.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { signed } from 'kedge/signing'
import type { SigningKey } from 'kedge/signing'
import { memory, MemoryLog } from 'kedge/testing'

const log = new MemoryLog()
const newKey = (id: string): SigningKey => ({ id, secret: crypto.getRandomValues(new Uint8Array(32)) })

/** An isolate that obeys these keys; the first one is its own. */
function isolate(...keys: readonly SigningKey[]) {
  const kafka = signed(memory({ on: log }), {
    keys,
    sign: 'require',
    onEvent: ({ topic, offset, why }) => console.log(`refused ${topic} @ ${offset}: ${why}`),
  })
  const cache = createCache({ kafka })
  const users = cache.namespace<string>('users')
  const load = async () => {
    await cache.sync()
    return users.getOrSet('7', () => 'Ada')
  }
  const holds = async () => {
    await cache.sync()
    return users.peek('7') !== undefined
  }
  return { users, load, holds }
}

const k1 = newKey('k1')
const reader = isolate(k1)
await reader.load()

// A stranger evicts everything: the reader does not heed it.
log.append('cache-evictions', { key: null, value: new TextEncoder().encode('{"v":1,"op":"clear"}') })
assert.equal(await reader.holds(), true)

// A writer that has the key is heeded.
await isolate(k1).users.delete('7')
assert.equal(await reader.holds(), false)

// Another key, without a message that is lost: first everybody knows it, then writers sign with it, then the old one goes.
const k2 = newKey('k2')
for (const [reads, writes] of [
  [isolate(k1, k2), isolate(k1)],
  [isolate(k1, k2), isolate(k2, k1)],
  [isolate(k2), isolate(k2)],
] as const) {
  await reads.load()
  await writes.users.delete('7')
  assert.equal(await reads.holds(), false)
}
console.log('obeyed what was signed, and nothing else')
