/**
 * The requests of Kafka's protocol that are used, newest version first: the newest that both sides know is taken.
 *
 * Brokers of 2.8 and newer know one of each. Fetch is in `fetch.ts`.
 *
 * @module
 */
import {
  initProducerIdV4,
  initProducerIdV5,
  listOffsetsV6,
  listOffsetsV7,
  listOffsetsV8,
  listOffsetsV9,
  metadataV10,
  metadataV11,
  metadataV12,
  produceV10,
  produceV11,
  produceV9,
} from '@platformatic/kafka'
import type { API } from '@platformatic/kafka'

export type Versions<Args extends unknown[], Answer> = readonly API<Args, Answer>[]

export type MetadataAnswer = metadataV12.MetadataResponse

export const LIST_OFFSETS: Versions<listOffsetsV9.ListOffsetsRequest, listOffsetsV9.ListOffsetsResponse> = [
  listOffsetsV9.api,
  listOffsetsV8.api,
  listOffsetsV7.api,
  listOffsetsV6.api,
]

export const METADATA: Versions<metadataV12.MetadataRequest, MetadataAnswer> = [
  metadataV12.api,
  metadataV11.api,
  metadataV10.api,
]

export const PRODUCE: Versions<produceV11.ProduceRequest, boolean | produceV11.ProduceResponse> = [
  produceV11.api,
  produceV10.api,
  produceV9.api,
]

export const INIT_PRODUCER_ID: Versions<
  initProducerIdV5.InitProducerIdRequest,
  initProducerIdV5.InitProducerIdResponse
> = [initProducerIdV5.api, initProducerIdV4.api]
