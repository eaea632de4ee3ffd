/** Produce by the v3 API, the only one that Confluent Cloud has. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { NewRecord, Position } from '../../../src/ports/kafka-log.ts'
import { fields, listOf, nullish, number, promised, type Shape, text } from '../../answer-shape.ts'
import { toBase64 } from '../rest/base64.ts'
import { type Call, type HttpAnswer, parsed, segment } from '../rest/http.ts'
import { acknowledged, type Report } from '../rest/acknowledgement.ts'
import { parseSequence } from './json-sequence.ts'

const clusterId: Shape<string> = (value) =>
  text(value) ?? (/^[^]{1,255}$/.test(value as string) ? undefined : 'is no id of a cluster')
const clustersAnswer = fields({ data: listOf(fields({ cluster_id: clusterId })) })
// `error_code` is 200 for a record that was written. The status of the answer is 200 even when it was not.
const produceAnswer = listOf(
  fields({
    error_code: number,
    message: nullish(text),
    partition_id: nullish(number),
    offset: nullish(number),
  }),
)

/** The id of the cluster behind a proxy that is not Confluent Cloud's. */
export async function discoverCluster({ http, signal }: Call): Promise<string> {
  const doing = 'looking for the cluster (the option `produce.clusterId` names it)'
  const answer = await http.ask({ method: 'GET', path: '/v3/clusters', headers: JSON_ONLY }, signal, doing)
  const [cluster] = parsed(answer, clustersAnswer, doing).data
  if (!cluster) throw new KedgeError('ERR_PROTOCOL', `${doing}: the proxy names no cluster`)
  return cluster.cluster_id
}

const JSON_ONLY = { accept: 'application/json' }

export async function produceV3(
  { http, signal }: Call,
  cluster: string,
  topic: string,
  records: readonly NewRecord[],
): Promise<Position[]> {
  const answer = await http.ask(
    {
      method: 'POST',
      path: `/v3/clusters/${segment(cluster)}/topics/${segment(topic)}/records`,
      headers: { ...JSON_ONLY, 'content-type': 'application/json' },
      body: records.map((record) => JSON.stringify(entry(record))).join('\n'),
    },
    signal,
    'publishing',
  )
  return acknowledged(reports(answer), records.length, answer.secrets)
}

function reports(answer: HttpAnswer): Report[] {
  let values: unknown[]
  try {
    values = parseSequence(answer.body)
  } catch (cause) {
    throw new KedgeError('ERR_PROTOCOL', 'publishing: the answer is not JSON', { cause, retryable: true })
  }
  return promised(values, produceAnswer, 'publishing').map(
    ({ error_code, message, partition_id: partition, offset }) => ({
      error_code,
      message,
      partition,
      offset,
    }),
  )
}

/** The type is always named: without it the proxy looks the topic's schema up. */
function entry({ key, value, partition, headers }: NewRecord): unknown {
  return {
    ...(partition === undefined ? {} : { partition_id: partition }),
    ...(headers ? { headers: Object.entries(headers).map(header) } : {}),
    ...(key === null ? {} : { key: binary(key) }),
    ...(value === null ? {} : { value: binary(value) }),
  }
}

const binary = (bytes: Uint8Array) => ({ type: 'BINARY', data: toBase64(bytes) })

const header = ([name, value]: [string, string]) => ({ name, value: toBase64(encodeUtf8(value)) })
