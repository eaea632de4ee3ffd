/**
 * A gateway of its own process, so that it can be killed: `node gateway-process.ts <port> <brokers>`.
 *
 * @module
 */
import process from 'node:process'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'

const [port = '0', brokers = ''] = process.argv.slice(2)
const cluster = kafkaCluster({ brokers: brokers.split(','), requestTimeoutMs: 3000 })
await startGateway({ cluster, port: Number(port) })
process.stdout.write('listening\n')
