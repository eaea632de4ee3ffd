/** A tail in an object: what it answers, and what its storage keeps over its lives. */
import { describe, expect, it } from 'vitest'
import type { KafkaLog } from '../../../src/index.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { TailObject } from '../../../worker/tail.ts'

const TOPIC = 'cache-evictions'

/** The storage of an object: what it holds outlives the instance. */
function storage() {
  const held = new Map<string, unknown>()
  return {
    held,
    get: async (key: string) => structuredClone(held.get(key)),
    put: async (key: string, value: unknown) => void held.set(key, structuredClone(value)),
  }
}

interface Env {
  readonly on: MemoryLog
}

/** Its log tells no identity. */
class Tail extends TailObject<Env> {
  made = 0

  override log(): KafkaLog {
    this.made++
    const kafka = memory({ on: this.env.on })
    return {
      ...kafka,
      capabilities: { ...kafka.capabilities, identity: false },
      produce: (...call) => kafka.produce(...call),
      read: (...call) => kafka.read(...call),
      offsets: async (...call) =>
        (await kafka.offsets(...call)).map(({ partition, beginning, end }) => ({
          partition,
          beginning,
          end,
        })),
    }
  }
}

function world() {
  const on = new MemoryLog({ topics: { [TOPIC]: 1 } })
  const kept = storage()
  const start = () => new Tail({ storage: kept }, { on })
  const ask = async (object: Tail, path = `/tail/${TOPIC}/0`) => {
    const answer = await object.fetch(new Request(`https://tail.invalid${path}`))
    return { status: answer.status, body: (await answer.json()) as { log: string; end: number } }
  }
  const append = (value: string) => on.append(TOPIC, { key: null, value: encodeUtf8(value), partition: 0 })
  return { on, kept, start, ask, append }
}

describe('a tail in an object', () => {
  it('tells the end of its log, which it makes once', async () => {
    const { start, ask, append } = world()
    append('a')
    const object = start()
    expect(await ask(object)).toMatchObject({ status: 200, body: { end: 1 } })
    append('b')
    expect(await ask(object)).toMatchObject({ status: 200, body: { end: 2 } })
    expect(object.made).toBe(1)
  })

  it('refuses what is no question of a tail', async () => {
    const { start, ask } = world()
    expect((await ask(start(), '/')).status).toBe(404)
    expect((await ask(start(), `/tail/${TOPIC}/0?max_age=soon`)).status).toBe(400)
  })

  it('knows its log again after its end, by what its storage has', async () => {
    const { start, ask, append } = world()
    append('a')
    const { body: before } = await ask(start())
    append('b')
    const { body: after } = await ask(start())
    expect(after).toMatchObject({ log: before.log, end: 2 })
  })

  it('knows another log for what it is, though a record stands where the last one stood', async () => {
    const { on, start, ask, append } = world()
    append('a')
    const { body: before } = await ask(start())
    on.recreateTopic(TOPIC)
    append('another')
    const { body: after } = await ask(start())
    expect(after.end).toBe(1)
    expect(after.log).not.toBe(before.log)
  })

  it('begins anew where its storage holds something else', async () => {
    const { kept, start, ask, append } = world()
    append('a')
    const { body: before } = await ask(start())
    for (const key of kept.held.keys()) kept.held.set(key, { id: 7 })
    const { body: after } = await ask(start())
    expect(after.end).toBe(1)
    expect(after.log).not.toBe(before.log)
  })
})
