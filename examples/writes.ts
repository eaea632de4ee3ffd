/**
 * A row with a source: written through, written by a writer that dies in the middle, and written behind.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { createPersister } from 'kedge/persister'
import { memory, MemoryLog } from 'kedge/testing'
import { writeBehind, writeIntents, writeThrough } from 'kedge/write-paths'

const log = new MemoryLog()
const rows = new Map<string, { value: string; offset: number }>([['7', { value: 'Ada', offset: -1 }]])
const load = async ({ key }: { key: string }) => rows.get(key)!.value

// A short intent, so that an isolate which has just started holds values soon; real ones leave it at a minute.
const isolate = () =>
  createCache({
    kafka: memory({ on: log }),
    ttl: '1h',
    maxStaleness: '100ms',
    use: [writeIntents({ max: '200ms' })],
  }).namespace<string>('users')
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const [here, there] = [isolate(), isolate()]
for (const users of [here, there]) await users.getOrSet('7', load)
await sleep(250)
for (const users of [here, there]) assert.equal(await users.getOrSet('7', load), 'Ada')

const written = await writeThrough(here, '7', 'Grace', async (value, { key }) => {
  rows.set(key, { value, offset: -1 })
})
assert.equal(await there.getOrSet('7', load, { after: written }), 'Grace')

// This writer hangs right after its commit, as if it had died: no isolate holds the old row meanwhile.
void writeThrough(
  isolate(),
  '7',
  'Edsger',
  async (value, { key }) => {
    rows.set(key, { value, offset: -1 })
    await new Promise(() => undefined)
  },
  { intent: '150ms' },
).catch(() => undefined)
await sleep(450)
assert.equal(await there.getOrSet('7', load), 'Edsger')

const behind = await writeBehind(here, '7', 'Barbara')
assert.equal(rows.get('7')!.value, 'Edsger', 'the source does not have it yet')
assert.equal(await there.getOrSet('7', load, { after: behind }), 'Barbara', 'the log does')

const persister = createPersister({
  kafka: memory({ on: log }),
  stores: {
    users: async (writes) => {
      for (const { key, value, offset } of writes)
        if (offset > rows.get(key)!.offset) rows.set(key, { value: value as string, offset })
    },
  },
})
assert.deepEqual(await persister.step({ budget: '1s' }), { persisted: 1, repeated: 0, dead: 0 })
assert.equal(rows.get('7')!.value, 'Barbara')
await persister.close()
console.log('no isolate served an old row, though a writer died')
