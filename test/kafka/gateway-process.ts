/**
 * A gateway of its own process, so that it can be killed: `node gateway-process.ts <port> <brokers>`.
 *
 * @module
 */
import process from 'node:process'
import { serve } from '@hono/node-server'
import { createGateway } from '../../gateway/app.ts'
import { kafkaCluster } from '../../gateway/kafka/index.ts'

const [port = '0', brokers = ''] = process.argv.slice(2)
const cluster = kafkaCluster({ brokers: brokers.split(','), requestTimeoutMs: 3000 })
const app = createGateway({ cluster })
serve({ fetch: app.fetch, port: Number(port), hostname: '127.0.0.1' }, () => console.log('listening'))
