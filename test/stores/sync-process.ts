/**
 * A sync of its own process, so that it can be killed: `node sync-process.ts <store's URL> <brokers> <dead letters>`.
 * Says on its output, a line of JSON each, what happens to it.
 *
 * @module
 */
import process from 'node:process'
import { openStore } from '../../cli/store.ts'
import { clusterLog, kafkaCluster } from '../../services/gateway/index.ts'
import { createSync } from '../../services/sync/index.ts'
import { STREAM, TEMPLATE, TOPIC } from './topic.ts'

const [url = '', brokers = '', deadLetters = ''] = process.argv.slice(2)
const { sink } = await openStore(url, { password: undefined, prefix: 'kedge:' })
const say = (what: unknown) => void process.stdout.write(`${JSON.stringify(what)}\n`)
const sync = createSync({
  kafka: clusterLog(kafkaCluster({ brokers: brokers.split(','), requestTimeoutMs: 3000 })),
  topic: TOPIC,
  sink,
  stream: STREAM,
  key: TEMPLATE,
  format: 'json',
  ttl: { field: 'ttl' },
  deadLetters,
  onEvent: (event) => {
    if (event.type === 'dead_letters_lost') say({ lost: event.records })
    if (event.type === 'begin') say({ began: event.reason })
    if (event.type === 'went_back') say({ began: 'went back' })
    if (process.env['KEDGE_FAULT_TELL'])
      process.stderr.write(`${Date.now()} ${url} ${JSON.stringify(event)}\n`)
  },
})
say({ begun: true })
await sync.run()
