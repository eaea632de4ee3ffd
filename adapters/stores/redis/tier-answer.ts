/** What Redis returns of a tier, as the tier's answer. What another program wrote there is a miss. @module */
import type { AppliedPosition, TierAnswer, TierItem } from '../../../src/ports/tier.ts'
import type { RedisReply } from './connection.ts'
import { listOf, textOf, wholeOf } from './reply.ts'
import { logOf } from './tier-layout.ts'
import { HEADER_BYTES } from './tier-scripts.ts'

const HEADER = /^k1 v (\d{1,16}) \S+ ([01]) (\S+) \S+\n/

/** One bucket's answer about some keys. */
export function answerOf(reply: RedisReply, keys: readonly string[]): TierAnswer {
  const [state, values] = listOf(reply)
  const [position, log, generation, floorOfAll, floor] = listOf(state).map(textOf)
  const at = wholeOf(position)
  const applied =
    at === undefined || generation === undefined ? undefined : { position: at, logId: logOf(log) }
  const lowest = Math.max(wholeOf(floorOfAll) ?? -1, wholeOf(floor) ?? -1)
  const items = new Map<string, TierItem>()
  for (const [index, value] of listOf(values).entries()) {
    const key = keys[index]
    const item =
      key !== undefined && value instanceof Uint8Array ? itemOf(value, applied && generation) : undefined
    if (key !== undefined && item && item.asOf > lowest) items.set(key, item)
  }
  return { items, applied }
}

function itemOf(value: Uint8Array, generation: string | undefined): TierItem | undefined {
  const head = String.fromCharCode(...value.subarray(0, HEADER_BYTES))
  const match = HEADER.exec(head)
  const asOf = wholeOf(match?.[1])
  if (match === null || asOf === undefined) return undefined
  const covered = match[2] === '1' && match[3] === generation
  return { bytes: value.subarray(match[0].length), asOf, covered }
}

/** Several answers as one: with the lowest position, and without any where one bucket has none. */
export function together(answers: readonly TierAnswer[]): TierAnswer {
  const [first] = answers
  if (first === undefined || answers.length === 1) return first ?? { items: new Map(), applied: undefined }
  const applied = lowestOf(answers.map((answer) => answer.applied))
  const all = answers.flatMap(({ items }) => [...items])
  return {
    items: new Map(applied ? all : all.map(([key, item]) => [key, { ...item, covered: false }])),
    applied,
  }
}

/** `undefined` where one position is missing, or they are of different logs. */
export function lowestOf(positions: readonly (AppliedPosition | undefined)[]): AppliedPosition | undefined {
  const [first] = positions
  let lowest = first
  for (const position of positions) {
    if (lowest === undefined || position === undefined || position.logId !== lowest.logId) return undefined
    if (position.position < lowest.position) lowest = position
  }
  return lowest
}
