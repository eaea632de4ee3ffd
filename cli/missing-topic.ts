/** Reports a missing topic, and the command that creates it. @module */
import { isKedgeError } from '../src/ports/errors.ts'
import { CommandError, sentence } from './failure.ts'
import {
  auditTopic,
  deadLettersTopic,
  evictionsTopic,
  requestsTopic,
  updatesTopic,
  writesTopic,
} from './settings/topics.ts'
import type { Setting } from './setting.ts'
import { ROLES } from './topic-plan.ts'
import { plain } from './terminal.ts'
import type { TopicRole } from './topic-plan.ts'

const NAMES: Readonly<Record<TopicRole, Setting<string>>> = {
  evictions: evictionsTopic,
  updates: updatesTopic,
  requests: requestsTopic,
  writes: writesTopic,
  'dead-letters': deadLettersTopic,
  audit: auditTopic,
}

/** The command that creates the topic, without `--brokers`. */
export function creation(role: TopicRole, name: string): string {
  const { flag, otherwise } = NAMES[role]
  const only = ROLES.includes(role) ? '' : ` --only ${role}`
  return `kedge topics create${only}${name === otherwise ? '' : ` ${flag.split(' ')[0]} ${name}`}`
}

/** The result of `work`. @throws CommandError that names a missing topic and the command that creates it. */
export async function withTopic<T>(role: TopicRole, name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isUnknownTopic(error)) throw error
    throw new CommandError(said(role, name), { cause: error })
  }
}

const said = (role: TopicRole, name: string): string =>
  `there is no topic ${name}: \`${creation(role, name)} --brokers …\` makes it`

/** An error about a topic as one sentence. */
export const sentenceOf = (error: unknown, role: TopicRole, name: string): string =>
  isUnknownTopic(error) ? said(role, name) : sentence(error)

/** Whether the topic is certainly missing: a proxy whose brokers are away may answer in the same way. */
export function isUnknownTopic(error: unknown): boolean {
  for (let at = error; isKedgeError(at); at = at.cause)
    if (at.code === 'ERR_UNKNOWN_TOPIC') return !at.retryable
  return false
}

/** The topic is missing: suggest checking its name, or the command that creates it. */
export function absentTopic(error: unknown, name: string, flags: string): unknown {
  if (!isKedgeError(error) || error.code !== 'ERR_UNKNOWN_TOPIC') return error
  return new CommandError(
    `the topic ${plain(name)} does not exist: check its name, or create it for messages of kedge: kedge topics create ${flags} ${plain(name)}`,
    { cause: error },
  )
}
