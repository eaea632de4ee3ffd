/**
 * `npm start`: two workers, an origin and a log on this machine, and a tour of them. `npm start -- --help` tells more.
 *
 * @module
 */
import { startGateway } from '../../services/gateway/index.ts'
import { openKafkaLog } from './kafka-log.ts'
import { runDemo } from './program.ts'
import { choosePort } from './server.ts'
import { bundleWorker } from './worker-bundle.ts'

process.exitCode = await runDemo(process.argv.slice(2), {
  openLog: async (wish, brokers) =>
    brokers === undefined
      ? await startGateway({ port: await choosePort(wish) })
      : await openKafkaLog(brokers, wish),
  bundle: () => bundleWorker(),
})
