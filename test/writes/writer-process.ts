/**
 * A writer of its own process, so that it can be killed: `node writer-process.ts <url> <file> <intent>`. It writes
 * `new` through to the file, step by step: a line on its standard input starts a step, a line on its output reports it.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { redpanda } from '../../adapters/kafka/redpanda.ts'
import { createCache } from '../../src/index.ts'
import { writeThrough, writeIntents } from '../../src/write-paths/index.ts'

const [url = '', file = '', intent = ''] = process.argv.slice(2)
const said = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const tell = (what: string) => void process.stdout.write(`${what}\n`)

const cache = createCache({ kafka: redpanda({ url }), use: [writeIntents()] })
const rows = cache.namespace<string>('rows')
await writeThrough(
  rows,
  '7',
  'new',
  async (value) => {
    tell('announced')
    await said.next()
    await writeFile(file, value)
    tell('committed')
    // Whatever comes now, it is not the eviction.
    await said.next()
  },
  { intent: intent === 'false' ? false : (intent as '5s') },
)
tell('evicted')
process.exit()
