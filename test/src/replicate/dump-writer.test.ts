/** What a dump says of each value: how far the isolate that writes it has read the log, and no further. */
import { beforeEach, describe, expect, it } from 'vitest'
import { DumpWriter } from '../../../src/replicate/dump/dump-writer.ts'
import { partsOfCache } from '../../../src/write/cache-parts.ts'
import { readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

const TOPIC = 'cache-evictions'
const utf8 = (text: string) => new TextEncoder().encode(text)

let at: World
beforeEach(() => {
  at = world()
})

async function dumping() {
  const made = await readyIn(at)
  await at.run(made.users.getOrSet('1', () => 'one'))
  await at.run(made.users.getOrSet('2', () => 'two'))
  const { context, stores } = partsOfCache(made.cache)
  const writer = new DumpWriter(context.shared, stores.get('users')!, { maxValues: 10, maxBytes: 10_000 })
  /** The lines of one piece: each is about one line long. */
  const next = () => {
    const piece = writer.next(1)
    const lines = piece && new TextDecoder().decode(piece).trim().split('\n')
    return lines?.map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  return { ...made, writer, next }
}

describe('a line', () => {
  it('says how far the log was read when it was written, also where the isolate knows of an end beyond', async () => {
    const { next, users, cache } = await dumping()
    expect(next()).toMatchObject([{ op: 'dump', position: 0 }])
    // Not read yet; and our own write stands behind it, so that the end is known.
    at.log.append(TOPIC, {
      key: utf8('users'),
      value: utf8('{"v":1,"op":"evict","ns":"users","keys":["2"]}'),
    })
    await at.run(users.delete('3'))
    expect(next()).toMatchObject([{ key: '1', asOf: 0, position: 0 }])
    await at.run(cache.sync())
    expect(next()).toMatchObject([{ op: 'end', values: 1, complete: true }])
    expect(next()).toBeUndefined()
  })

  it('is not written any more once the log was made anew', async () => {
    const { next, cache } = await dumping()
    next()
    at.log.recreateTopic(TOPIC)
    await at.run(cache.sync())
    await at.run(cache.namespace<string>('users').getOrSet('1', () => 'of the other'))
    expect(next()).toMatchObject([{ op: 'end', values: 0, complete: false }])
  })
})
