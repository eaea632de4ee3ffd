/** The journey of an order: placed, changed, changed unseen, deleted; and what two isolates show. @module */
import type { OrderEvent } from './events.ts'
import { Steps, until } from './steps.ts'
import { COMPACT, CREATED, ENRICHED, READ_MODEL } from './topics.ts'
import { describe, Visitor } from './visitor.ts'
import { World } from './world.ts'

const MAX_STALENESS_MS = 2000
const ALL_MS = 60_000

/** Whether it saw what it says. */
export async function journey(brokers: readonly string[]): Promise<boolean> {
  const ending = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM']) {
    process.once(name, () => ending.abort(new Error(`ended by ${name}`)))
  }
  const world = await World.open({
    brokers,
    maxStalenessMs: MAX_STALENESS_MS,
    onFailure: (error) => ending.abort(error),
  })
  try {
    console.log(
      `Kafka: ${brokers.join(', ') || 'a log in memory'} behind ${world.kafka.url}. Redis: ${world.redis.says}.\n` +
        `Isolates: A ${world.edge.a}, B ${world.edge.b}, maxStaleness ${MAX_STALENESS_MS} ms.\n`,
    )
    const steps = new Steps(AbortSignal.any([ending.signal, AbortSignal.timeout(ALL_MS)]))
    await walk(world, steps)
    console.log(steps.failed ? '\nNot seen: see above.' : '\nAll of it was seen.')
    return !steps.failed
  } finally {
    await world.close()
  }
}

async function walk(world: World, steps: Steps): Promise<void> {
  const id = crypto.randomUUID().slice(0, 8)
  const [a, b] = [new Visitor('A', world.edge.a), new Visitor('B', world.edge.b)]
  const { placed, paid, shipped } = eventsOf(id)

  /** Waits for the eviction, then asks both isolates until they show it. */
  const bothSee = async (revision: number | undefined, signal: AbortSignal): Promise<string> => {
    const since = await world.evicted(id, signal)
    const wanted = { id, since, withinMs: MAX_STALENESS_MS, ...(revision !== undefined && { revision }) }
    return (await Promise.all([a.sees(wanted, signal), b.sees(wanted, signal)])).join('\n')
  }
  const bothHold = async (revision: number, signal: AbortSignal): Promise<string> =>
    (await Promise.all([a.held(id, revision, signal), b.held(id, revision, signal)])).join('\n')

  await steps.take('placed: order.created → enriched → read-model → compact → Redis', async (signal) => {
    await world.publish(placed)
    const view = await until(`the view of ${id} in Redis`, () => world.view(id), signal)
    await world.evicted(id, signal)
    return `{order:${id}}:view is ${describe(view)}`
  })
  await steps.take('both isolates load it from Redis, and hold it', (signal) => bothHold(1, signal))
  await steps.take('changed: both show it within maxStaleness of the eviction', async (signal) => {
    await world.publish(paid)
    return bothSee(2, signal)
  })
  await steps.take('both hold what it is now', (signal) => bothHold(2, signal))
  await steps.take('changed while the pipeline is down: it goes on where it stood', async (signal) => {
    await world.stopPipeline()
    await world.publish(shipped)
    world.startPipeline()
    return bothSee(3, signal)
  })
  await steps.take('both hold that', (signal) => bothHold(3, signal))
  await steps.take('its events come again, as after a crash: nothing goes back', async (signal) => {
    for (const event of [placed, paid, shipped]) {
      await world.publish(event)
      await world.evicted(id, signal)
      const revision = (await world.view(id))?.revision
      if (revision !== 3) throw new Error(`Redis went back to revision ${revision}`)
    }
    return bothHold(3, signal)
  })
  await steps.take('deleted: gone from Redis, and from both within maxStaleness', async (signal) => {
    await world.publish({ type: 'order.deleted', id, revision: 4 })
    const says = await bothSee(undefined, signal)
    if ((await world.view(id)) !== undefined) throw new Error('it is still in Redis')
    return says
  })
  await steps.take('every topic has its events; order.compact ends with a tombstone', async (signal) => {
    const counts: string[] = []
    for (const topic of [CREATED, ENRICHED, READ_MODEL, COMPACT]) {
      const values = await world.history(topic, id, signal)
      counts.push(`${topic} ${values.length}`)
      // The cleaner of a real Kafka may have been there already.
      if (topic === COMPACT ? values.at(-1) !== null : values.length !== 7) {
        throw new Error(`${topic} has ${values.length} records of it: ${values.join(', ')}`)
      }
    }
    return counts.join(', ')
  })
}

/** What happens to an order. */
function eventsOf(id: string) {
  const placed = {
    type: 'order.created',
    id,
    revision: 1,
    status: 'placed',
    customerId: 'c-1',
    lines: [{ sku: 'tea', quantity: 2 }],
  } satisfies OrderEvent
  const paid = {
    ...placed,
    type: 'order.changed',
    revision: 2,
    status: 'paid',
    lines: [...placed.lines, { sku: 'pot', quantity: 1 }],
  } satisfies OrderEvent
  const shipped = { ...paid, revision: 3, status: 'shipped' } satisfies OrderEvent
  return { placed, paid, shipped }
}
