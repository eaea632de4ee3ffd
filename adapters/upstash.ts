/**
 * Kafka over Upstash's REST API, on `@upstash/kafka`: stateless reads by offset.
 *
 * The hosted service ended in March 2025; the kedge gateway speaks its protocol. The package builds the requests;
 * they travel by our transport, because its own sends everything up to six times over 15 seconds (a 401 too),
 * cannot be aborted, has no deadline, and reads bodies of any size (`HttpClient` of version 1.3.5).
 *
 * @module
 */
import { Kafka } from '@upstash/kafka'
import { z } from 'zod'
import { KedgeError } from '../src/errors.ts'
import type { KafkaLog, LogRecord, PartitionOffsets, Position, ReadResult } from '../src/log.ts'
import { acknowledged, publishError } from './confluent/acknowledgement.ts'
import { MAX_PARTITIONS, offsetShape } from './confluent/context.ts'
import { advance } from './confluent/records.ts'
import { withDeadline } from './deadline.ts'
import { endpoint } from './endpoint.ts'
import { type Http, http, segment } from './http.ts'
import { authShape, check, transportLimits, type TransportOptions, transportShape, urlShape } from './options.ts'
import { fromText, toText } from './upstash/text.ts'
