/** A trace in few letters: the same for the same run. @module */
import { createHash } from 'node:crypto'
import type { Trace } from './trace.ts'

export function traceHash({ events }: Trace): string {
  const hash = createHash('sha1')
  for (const event of events) hash.update(JSON.stringify(event)).update('\n')
  return hash.digest('hex')
}
