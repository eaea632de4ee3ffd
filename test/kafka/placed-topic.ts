/** Topics whose replicas stand on brokers that the test names. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, findErrorBy } from '@platformatic/kafka'

export interface Placement {
  /** Of no other topic. */
  readonly name: string
  /** Ids of brokers: the first one leads. */
  readonly on: readonly number[]
  readonly configs?: Readonly<Record<string, string>>
}

const LONGEST_MS = 90_000
const PAUSE_MS = 50
const TOPIC_ALREADY_EXISTS = 36
const INVALID_REPLICA_ASSIGNMENT = 39

/**
 * Resolves with the topic's name when the first broker leads it and all of them are in sync. While the controller holds
 * a broker to be gone, as it does for a while with one that was frozen, it refuses the topic or has another lead it:
 * then there is another attempt, under another name.
 *
 * @throws Error for any other refusal, and when the brokers do not come.
 */
export async function createPlaced(admin: Admin, { name, on, configs = {} }: Placement): Promise<string> {
  const deadline = performance.now() + LONGEST_MS
  for (let attempt = 0; ; attempt++) {
    const made = attempt === 0 ? name : `${name}-${attempt}`
    try {
      await admin.createTopics({
        topics: [made],
        assignments: [{ partition: 0, brokers: [...on] }],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      })
    } catch (error) {
      const is = (code: number) => error instanceof Error && findErrorBy(error, 'apiCode', code) !== null
      if (is(INVALID_REPLICA_ASSIGNMENT) && performance.now() < deadline) {
        await sleep(PAUSE_MS)
        continue
      }
      // The client asks again when an answer is lost, also when the topic was made.
      if (!is(TOPIC_ALREADY_EXISTS)) throw error
    }
    if (await stands(admin, made, on, deadline)) return made
  }
}

/** Waits until the replicas are in sync. `false` when another broker than the first leads. */
async function stands(admin: Admin, name: string, on: readonly number[], deadline: number): Promise<boolean> {
  for (;;) {
    const found = await admin.metadata({ topics: [name], forceUpdate: true }).catch(() => undefined)
    const partition = found?.topics.get(name)?.partitions[0]
    if (partition && partition.leader >= 0 && partition.leader !== on[0]) return false
    if (partition?.leader === on[0] && partition?.isr.length === on.length) return true
    if (performance.now() > deadline) {
      const state = partition ? `leader ${partition.leader}, in sync ${partition.isr.join()}` : 'not seen'
      throw new Error(`${name} on ${on.join()}: ${state}`)
    }
    await sleep(PAUSE_MS)
  }
}
