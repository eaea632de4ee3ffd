/** `kedge get`: shows the latest update of a key, and whether an eviction came after it. @module */
import type { Command } from 'commander'
import { MAX_KEY_LENGTH, NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { EXIT, UsageError } from './failure.ts'
import { checkStaleness } from './staleness-check.ts'
import type { StalenessVerdict } from './staleness-check.ts'
import { latestUpdate } from './latest-update.ts'
import type { FoundUpdate } from './latest-update.ts'
import { codecOf, logOf } from './proxy.ts'
import { instant, placeOf, valueText } from './record-line.ts'
import type { Session } from './session.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import { evictionsTopic, updatesTopic } from './settings/topics.ts'
import { whole } from './value-types.ts'
import { lengthOf, quoted } from './terminal.ts'
import { resolveSettings } from './resolved-settings.ts'

const SETTINGS = [...PROXY_SETTINGS, evictionsTopic, updatesTopic]

interface Flags {
  readonly json?: boolean
  readonly maxRecords: string
}

export function getCommand(session: Session, done: Done): Command {
  return command(
    'get',
    'Shows the latest update of a key, and whether caches may serve it. Exit code 1 when they may not.',
    SETTINGS,
  )
    .argument('<namespace>', 'the namespace')
    .argument('<key>', 'the key')
    .option('--json', 'print one JSON object')
    .option('--max-records <number>', 'how many records to look back', '100000')
    .action(async (namespace: string, key: string, flags: Flags, from: Command) => {
      check(namespace, key)
      const most = whole(1).safeParse(flags.maxRecords)
      if (!most.success) throw new UsageError(`--max-records ${most.error.issues[0]?.message}`)
      const values = await resolveSettings(from, SETTINGS, session)
      const log = await logOf(values, session, { showsAll: true })
      try {
        const reading = { log, codec: await codecOf(), session, maxRecords: most.data }
        const found = await latestUpdate(reading, values.get(updatesTopic), namespace, key)
        const judgement = await checkStaleness(reading, values.get(evictionsTopic), namespace, found)
        show(session, namespace, key, found, judgement, flags.json ?? false)
        done(judgement.state === 'current' ? EXIT.ok : EXIT.failed)
      } finally {
        await log.close?.().catch(() => undefined)
      }
    })
}

function check(namespace: string, key: string): void {
  if (!NAMESPACE_PATTERN.test(namespace))
    throw new UsageError('a namespace is 1 to 64 letters, digits, `.`, `_`, `-`')
  if (key === '' || key.length > MAX_KEY_LENGTH)
    throw new UsageError(`a key is 1 to ${MAX_KEY_LENGTH} characters`)
}

function show(
  { terminal }: Session,
  namespace: string,
  key: string,
  found: FoundUpdate | undefined,
  { state, says }: StalenessVerdict,
  asJson: boolean,
): void {
  const update = found?.update
  const value = update?.kind === 'value' ? update : undefined
  if (asJson) {
    const { partition, offset, timestamp } = found?.decoded.record ?? {}
    const { ttlMs, at, asOf, tags, version } = value ?? {}
    const life = ttlMs === Infinity ? {} : { ttlMs }
    const details = { partition, offset, timestamp, value: value?.value, ...life, at, asOf, tags, version }
    terminal.say(JSON.stringify({ namespace, key, state, says, ...details }))
    return
  }
  const colour = state === 'current' ? 'green' : 'yellow'
  terminal.say(`${namespace}/${quoted(key)}  ${terminal.paint(colour, state)}: ${says}`)
  if (found === undefined) return
  terminal.say(`  record  ${placeOf(found.decoded).trimEnd()}`)
  if (value === undefined) return
  terminal.say(`  value   ${valueText(value.value, 10_000)}`)
  const born = value.at === undefined ? '' : `, loaded at ${instant(value.at)}`
  terminal.say(`  ttl     ${value.ttlMs === Infinity ? 'of its namespace' : lengthOf(value.ttlMs)}${born}`)
  if (value.asOf !== undefined) terminal.say(`  as of   ${value.asOf}`)
  if (value.tags && value.tags.length > 0) terminal.say(`  tags    ${value.tags.map(quoted).join(', ')}`)
  if (value.version !== undefined) terminal.say(`  version ${value.version}`)
}
