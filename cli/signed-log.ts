/** Signed messages on the command line: wraps the log of a command where there are keys. @module */
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { signed, signingKeys } from '../src/signing/index.ts'
import type { SignatureEvent, SigningKey } from '../src/signing/index.ts'
import { asUsage, UsageError } from './failure.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { sign, signEvictions, signKeys } from './settings/signing.ts'
import {
  deadLettersTopic,
  evictionsTopic,
  requestsTopic,
  updatesTopic,
  writesTopic,
} from './settings/topics.ts'
import { plain } from './terminal.ts'

/** How often the messages without a signature are reported: a stranger may write many. */
const SAY_MS = 60_000
const WHY = {
  missing: 'no signature',
  unknown_key: 'a signature of a key that is not known here',
  mismatch: 'a wrong signature',
}

/**
 * The log, signed as the settings say.
 *
 * @param showsAll obeys no signature, but reports each that is missing: for commands that show what stands in the log
 * @throws UsageError where the settings contradict each other
 */
export function signedLog(
  log: KafkaLog,
  values: ResolvedSettings,
  session: Session,
  showsAll = false,
): KafkaLog {
  const text = values.get(signKeys)
  const mode = values.get(sign) ?? (text === undefined ? 'off' : 'warn')
  const evictions = values.get(signEvictions) ?? mode
  if (mode === 'off' && evictions === 'off') return log
  if (text === undefined) throw new UsageError('--sign needs keys: set KEDGE_SIGN_KEYS')
  const lenient = (given: typeof mode) => (showsAll && given === 'require' ? 'warn' : given)
  try {
    return signed(log, {
      keys: keysOf(text, session),
      sign: lenient(mode),
      evictions: lenient(evictions),
      topics: {
        evictions: values.get(evictionsTopic),
        updates: values.get(updatesTopic),
        requests: values.get(requestsTopic),
        writes: values.get(writesTopic),
        deadLetters: values.get(deadLettersTopic),
      },
      onEvent: teller(session, showsAll ? 0 : SAY_MS),
      runtime: session.runtime,
    })
  } catch (error) {
    throw asUsage(error)
  }
}

function keysOf(text: string, { terminal }: Session): SigningKey[] {
  const keys = signingKeys(text)
  for (const { secret } of keys) terminal.hide(secret as string)
  return keys
}

function teller({ terminal, runtime }: Session, everyMs: number): (event: SignatureEvent) => void {
  let saidAt = -Infinity
  let unsaid = 0
  return ({ topic, partition, offset, why, keyId, refused }) => {
    unsaid++
    const now = runtime.monotonic()
    if (now - saidAt < everyMs) return
    const others = unsaid > 1 ? `, and ${unsaid - 1} more since the last report` : ''
    const key = keyId === undefined ? '' : ` (${plain(keyId)})`
    terminal.tell(
      'warn',
      'unsigned',
      `kedge: ${topic} ${partition}@${offset} has ${WHY[why]}${key}: ${refused ? 'refused' : 'accepted'}${others}`,
      { topic, partition, offset, reason: why, refused, count: unsaid },
    )
    saidAt = now
    unsaid = 0
  }
}
