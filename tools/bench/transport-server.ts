/**
 * The gateway that transports are measured on, in a process of its own. Started by `fork`; says where it listens.
 *
 * @module
 */
import { startGateway } from '../../services/gateway/index.ts'

const gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
// The measuring process has ended.
process.once('disconnect', () => process.exit())
process.send!(gateway.url)
