/** An object of workerd over a log that tells no identity: its storage knows that log again. */
import { describe, expect, it } from 'vitest'
import { until } from '../miniflare-until.ts'
import { type Colos, startColos, TOPIC } from './colos.ts'

/** Reads until the isolate has polled so often since. */
async function polled(colos: Colos, times: number): Promise<void> {
  const { polls } = await colos.stats()
  const hasPolled = async () => {
    await colos.read(0)
    return (await colos.stats()).polls >= polls + times
  }
  await until(hasPolled, `${times} polls of the isolate`)
}

/** An isolate that holds a value, and an object that has read a record of its log. */
async function startHolding(): Promise<Colos> {
  const colos = await startColos({ identity: false })
  await colos.read(0)
  await colos.evict(0, 'another')
  await polled(colos, 2)
  return colos
}

describe('the lineage of a log without an identity', { timeout: 60_000 }, () => {
  it('outlives the object: isolates keep what they hold', async () => {
    await using colos = await startHolding()
    const [before, { reanchors }] = [await colos.proof(), await colos.stats()]
    const loads = colos.loads()
    await colos.abort()
    await colos.evict(0, 'another')
    await polled(colos, 2)
    expect(await colos.proof()).toMatchObject({ log: before.log, end: before.end + 1 })
    expect((await colos.stats()).reanchors).toBe(reanchors)
    expect(colos.loads()).toBe(loads)
  })

  it('ends with that log: isolates of the next one begin anew', async () => {
    await using colos = await startHolding()
    const [before, { reanchors }] = [await colos.proof(), await colos.stats()]
    await colos.abort()
    colos.log.recreateTopic(TOPIC)
    await colos.evict(1, 'one more')
    await polled(colos, 2)
    expect((await colos.proof()).log).not.toBe(before.log)
    expect((await colos.stats()).reanchors).toBeGreaterThan(reanchors)
  })
})
