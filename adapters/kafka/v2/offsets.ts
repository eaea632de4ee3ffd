/** The bounds of partitions: one stateless request for each (kafka-rest 5.4 and later). @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { ClockedOffsets } from '../../sharing/tail/place.ts'
import { fields, listOf, offsetShape } from '../../answer-shape.ts'
import { type Call, parsed, segment } from '../rest/http.ts'
import { MAX_PARTITIONS } from '../rest/offsets.ts'
import { V2 } from './media-types.ts'

const offsetsAnswer = fields({ beginning_offset: offsetShape, end_offset: offsetShape })

const topicAnswer = fields({ partitions: listOf(fields({ partition: offsetShape }), 1, MAX_PARTITIONS) })

/** The numbers of the topic's partitions, ascending. */
export async function partitionsOf({ http, signal }: Call, topic: string): Promise<number[]> {
  const doing = 'listing partitions'
  const request = { method: 'GET', path: `/topics/${segment(topic)}`, headers: { accept: V2 } } as const
  const { partitions } = parsed(await http.ask(request, signal, doing), topicAnswer, doing)
  return partitions.map(({ partition }) => partition).toSorted((a, b) => a - b)
}

/** The bounds of each partition, sampled after the call began. */
export function boundsOf(
  call: Call,
  topic: string,
  partitions: readonly number[],
): Promise<ClockedOffsets[]> {
  return Promise.all(partitions.map((partition) => bounds(call, topic, partition)))
}

async function bounds({ http, signal }: Call, topic: string, partition: number): Promise<ClockedOffsets> {
  const doing = 'reading offsets'
  const path = `/topics/${segment(topic)}/partitions/${partition}/offsets`
  const answer = await http.ask({ method: 'GET', path, headers: { accept: V2 } }, signal, doing)
  // A cache on the way answered: the offsets are older than this call (RFC 9111, section 5.1).
  if (Number(answer.headers.get('age') ?? 0) > 0) {
    throw new KedgeError(
      'ERR_PROTOCOL',
      `${doing}: a cache on the way answered: let none store the answers of this URL`,
    )
  }
  const { beginning_offset: beginning, end_offset: end } = parsed(answer, offsetsAnswer, doing)
  if (beginning > end) throw new KedgeError('ERR_PROTOCOL', `${doing}: the beginning lies after the end`)
  const logId = answer.headers.get('kedge-log-id')
  const clock = clockOf(answer.headers.get('kedge-clock'))
  return { partition, beginning, end, ...(logId !== null && { logId }), ...(clock && { clock }) }
}

/** The clock of the gateway, before it asked for the bounds. */
function clockOf(header: string | null): ClockedOffsets['clock'] {
  const [, life, at] = /^([\w-]{1,64});(\d{1,15})$/.exec(header ?? '') ?? []
  return life === undefined ? undefined : { life, at: Number(at) }
}
