/** The credentials of the gateway's clients, as the configuration file has them. @module */
import * as z from 'zod'
import type { Credential } from '../services/gateway/credentials.ts'
import { text } from './value-types.ts'

const own = (error: string) => ({ error })
const names = z.array(text, own('must have lists of names')).max(1000).optional()
const role = z.enum(['read', 'write', 'admin'], own('must have roles of read, write, admin'))

// Strict: a member with a mistake in its name, such as `topic`, would let its bearer use every topic.
const credential = z.strictObject(
  {
    name: text.optional(),
    token: text.optional(),
    user: text.optional(),
    password: text.optional(),
    roles: z.array(role, own('must have a list of roles')).optional(),
    topics: names,
    groups: names,
  },
  own(
    'must each be an object of token, or user and password, with name, roles, topics, groups and nothing else',
  ),
)

/** A list, or its JSON in the environment. */
export const credentialList = z.preprocess(
  (given) => (typeof given === 'string' ? parsed(given) : given),
  z.array(credential, own('must be a list of credentials, in JSON')).max(1000),
) as unknown as z.ZodType<readonly Credential[]>

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // The parser's own message quotes the text, and with it perhaps a secret.
    return undefined
  }
}
