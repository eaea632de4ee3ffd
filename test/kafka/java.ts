/** Apache's own producer, from its jars. @module */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { JVM } from './jars.ts'

const run = promisify(execFile)
const SOURCE = fileURLToPath(new URL('Produce.java', import.meta.url))

/** Writes `count` records to partition 0 of each target, `topic:compression`. */
export async function produceByJava(
  bootstrap: string,
  count: number,
  targets: readonly string[],
): Promise<void> {
  await run('java', [...JVM, SOURCE, bootstrap, String(count), ...targets])
}
