/**
 * Writes values into Memcached, and never an older value over a newer one.
 *
 * Memcached compares a token and sets one item in one step, and no more. So a key has a companion on its own server,
 * with the version of what was written last, also when that is deleted or expired (decision 69). A write
 *
 * 1. reads the token of the key, and then the companion: a newer companion supersedes the write;
 * 2. raises the companion, if no other write has changed it since;
 * 3. writes the key, if no other write has changed it since; else the write starts again at step 1.
 *
 * A newer write raises the companion before it touches the key. If it did so before step 1 read the companion, it is
 * seen; if later, the key's token is no longer the one of step 1 once it has written, and step 3 changes nothing. A key
 * that is not there has no token, and `add` cannot tell "never" from "deleted meanwhile": an `add` is followed, on the
 * same connection, by another look at the companion, and taken back if that has become newer; and a delete that found
 * nothing looks once more after it has raised the companion. Until it is taken back, for one round trip, a reader can
 * find an older value of a key that was just deleted: Memcached has no delete that `add` could see (decision 71). It
 * needs two syncs which write the same key at the same time.
 *
 * A life counts from the call, and not from the step that stores the value: between them the process may be frozen.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { SinkOutcome, SinkWrite } from '../../../src/ports/sink.ts'
import { nameFor } from '../shared/item-name.ts'
import { leftOf } from '../shared/stopwatch.ts'
import { printable } from '../../kafka/rest/problem.ts'
import { type VersionItem, decodeVersionItem, encodeVersionItem, isNewer } from './version-item.ts'
import type { TopicLayout } from '../shared/topic-sink.ts'
import type { MemcachedServer } from './connection.ts'
import type { Addressed, PipelinedCall } from './pipelined-call.ts'
import { expiryOf } from './expiry.ts'
import { failureError, isTooLarge } from './failure.ts'
import { unfitKey } from './key.ts'
import { MetaFailure, type MetaReply, type MetaRequest } from './meta.ts'

/** A write that has met other writes at the same key this often gives up with `ERR_OVERLOADED`. */
const MAX_ROUNDS = 100

export interface WritesLayout extends TopicLayout {
  readonly maxValueBytes: number
}

/** A write that is not done yet. */
interface Item {
  readonly index: number
  readonly server: MemcachedServer
  readonly key: string
  readonly companion: string
  readonly value: Uint8Array | null
  readonly ttlMs: number | undefined
  readonly mine: VersionItem
  /** Tokens of the round: `undefined` where Memcached holds no item. */
  keyCas: string | undefined
  companionCas: string | undefined
}

export class SinkWrites {
  readonly #talk: PipelinedCall
  readonly #layout: WritesLayout
  readonly #generation: number
  readonly #passed: () => number
  readonly #refused: { readonly index: number; readonly reason: string }[] = []
  #written = 0
  #superseded = 0
  #highest = 0

  /** @param passed milliseconds since the call was made */
  constructor(talk: PipelinedCall, layout: WritesLayout, generation: number, passed: () => number) {
    this.#talk = talk
    this.#layout = layout
    this.#generation = generation
    this.#passed = passed
  }

  /**
   * The highest generation that was read. One above this sync's own means that another sync has begun anew.
   */
  get highest(): number {
    return this.#highest
  }

  outcome(outcome: SinkOutcome['outcome']): SinkOutcome {
    const refused = [...this.#refused].sort((one, other) => one.index - other.index)
    return { outcome, written: this.#written, superseded: this.#superseded, refused }
  }

  /** @throws KedgeError; `signal.reason` */
  async write(writes: readonly (readonly [index: number, write: SinkWrite])[]): Promise<void> {
    const items = await Promise.all(writes.map(([index, write]) => this.#itemOf(index, write)))
    let left = items.filter((item) => item !== undefined)
    for (let round = 0; left.length > 0; round++) {
      if (round === MAX_ROUNDS) {
        throw new KedgeError('ERR_OVERLOADED', 'other syncs keep writing the same keys', { retryable: true })
      }
      const wanted = await this.#look(left)
      if (this.#highest > this.#generation) return
      const raised = await this.#raise(wanted)
      const done = await this.#put(raised)
      left = wanted.filter((item) => !done.has(item))
    }
  }

  async #itemOf(index: number, { key, value, version, ttlMs }: SinkWrite): Promise<Item | undefined> {
    const { prefix, maxValueBytes } = this.#layout
    let reason = unfitKey(key)
    if (key.startsWith(prefix)) reason = `keys that begin with \`${prefix}\` are kedge's own`
    if (!version.every(Number.isFinite)) reason = 'the version is not a number'
    if (reason !== undefined) {
      this.#refused.push({ index, reason })
      return undefined
    }
    const tooLarge = value !== null && value.length > maxValueBytes
    if (tooLarge) this.#refused.push({ index, reason: `the value is larger than ${maxValueBytes} bytes` })
    return {
      // A refused value still deletes its key: readers then miss, rather than read an old value.
      index: tooLarge ? -1 : index,
      server: this.#talk.connection.serverOf(key),
      key,
      companion: await nameFor(`${prefix}v:`, key),
      value: tooLarge ? null : value,
      ttlMs,
      mine: { generation: this.#generation, version },
      keyCas: undefined,
      companionCas: undefined,
    }
  }

  /** Step 1. Returns the writes that are not superseded. */
  async #look(items: readonly Item[]): Promise<readonly Item[]> {
    const replies = await this.#ask(
      items.flatMap(({ server, key, companion }) => [
        { server, request: { verb: 'mg', key, flags: ['c', 'u'] } },
        { server, request: { verb: 'mg', key: companion, flags: ['v', 'c'] } },
      ]),
    )
    return items.filter((item, at) => {
      const beside = replies[2 * at + 1]!
      item.keyCas = replies[2 * at]!.cas
      item.companionCas = beside.cas
      const there = decodeVersionItem(beside.value)
      this.#highest = Math.max(this.#highest, there?.generation ?? 0)
      if (!isNewer(there, item.mine)) return true
      this.#count(item, 'superseded')
      return false
    })
  }

  /** Step 2. Returns the writes whose companion now holds their version. */
  async #raise(items: readonly Item[]): Promise<readonly Item[]> {
    const now = Date.now()
    const replies = await this.#ask(
      items.map((item) => {
        const { server, companion, companionCas, mine } = item
        const { value, ttlMs } = this.#now(item)
        const { tombstoneMs } = this.#layout
        const keepMs = value === null ? tombstoneMs : ttlMs === undefined ? undefined : ttlMs + tombstoneMs
        const flags = [condition(companionCas), `T${expiryOf(keepMs, now)}`]
        return { server, request: { verb: 'ms', key: companion, flags, value: encodeVersionItem(mine) } }
      }),
    )
    return items.filter((_, at) => replies[at]?.code === 'HD')
  }

  /** Step 3. Returns the writes that are done. */
  async #put(items: readonly Item[]): Promise<ReadonlySet<Item>> {
    const now = Date.now()
    const wanted = items.map((item) => this.#now(item))
    const requests = wanted.map((item) => requestsOf(item, now))
    const flat = requests.flatMap((of, at) => of.map((request) => ({ server: items[at]!.server, request })))
    const replies = await this.#talk.ask(flat)
    const done = new Set<Item>()
    const takeBack: Addressed[] = []
    let next = 0
    for (const [at, item] of items.entries()) {
      const [reply, look] = replies.slice(next, (next += requests[at]!.length))
      if (reply instanceof MetaFailure) {
        // The server has removed the old item: "avoid stale data persisting" (its source).
        if (!isTooLarge(reply.message)) throw failureError(reply)
        this.#refused.push({ index: item.index, reason: printable(reply.message) })
        done.add(item)
        continue
      }
      if (look instanceof MetaFailure) throw failureError(look)
      if (!isDone(wanted[at]!, reply)) continue
      done.add(item)
      const there = decodeVersionItem(look?.value)
      if (reply?.cas !== undefined && isNewer(there, item.mine)) {
        const request = { verb: 'md', key: item.key, flags: [`C${reply.cas}`] } as const
        takeBack.push({ server: item.server, request })
        this.#count(item, 'superseded')
      } else this.#count(item, 'written')
    }
    await this.#ask(takeBack)
    return done
  }

  /** What is to be written by now: a value whose life is over deletes its key. */
  #now(item: Item): Item {
    const ttlMs = leftOf(item.ttlMs, this.#passed())
    return ttlMs !== undefined && ttlMs <= 0 ? { ...item, value: null } : { ...item, ttlMs }
  }

  #count(item: Item, as: 'written' | 'superseded'): void {
    if (item.index < 0) return
    if (as === 'written') this.#written++
    else this.#superseded++
  }

  async #ask(asked: readonly Addressed[]): Promise<readonly MetaReply[]> {
    return (await this.#talk.ask(asked)).map((reply) => {
      if (reply instanceof MetaFailure) throw failureError(reply)
      return reply
    })
  }
}

/** The flag that makes Memcached refuse a write where the item is not the one that was read. */
export const condition = (cas: string | undefined): string => (cas === undefined ? 'ME' : `C${cas}`)

function requestsOf({ key, companion, value, keyCas, ttlMs }: Item, now: number): readonly MetaRequest[] {
  if (value === null) {
    // The key was missing before the companion rose: an older write may have stored it in between.
    return [
      keyCas === undefined ? { verb: 'mg', key, flags: ['u'] } : { verb: 'md', key, flags: [`C${keyCas}`] },
    ]
  }
  const flags = [condition(keyCas), 'c', `T${expiryOf(ttlMs, now)}`]
  const set: MetaRequest = { verb: 'ms', key, flags, value }
  return keyCas === undefined ? [set, { verb: 'mg', key: companion, flags: ['v'] }] : [set]
}

/** A delete is done, too, where Memcached holds no such item. */
function isDone({ value, keyCas }: Item, reply: MetaReply | undefined): boolean {
  if (value !== null) return reply?.code === 'HD'
  return keyCas === undefined ? reply?.code === 'EN' : reply?.code === 'HD' || reply?.code === 'NF'
}
