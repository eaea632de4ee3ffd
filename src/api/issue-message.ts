/** What an issue of zod says. @module */
import type * as z from 'zod/mini'

const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'items' }

/**
 * The message of an issue, in the words of zod's English locale. Each parse that a person reads about is given it: `zod/mini`
 * has no locale, and `z.config()` would set one for the whole program (decision 109).
 */
export function issueMessage(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `Invalid input: expected ${issue.expected}, received ${typeName(issue.input)}`
    case 'invalid_value': {
      const values = issue.values.map((value) => (typeof value === 'string' ? `"${value}"` : String(value)))
      return values.length === 1
        ? `Invalid input: expected ${values[0]}`
        : `Invalid option: expected one of ${values.join('|')}`
    }
    case 'too_small':
      return `Too small: expected ${sizeIn(issue.origin, issue.inclusive ? '>=' : '>', issue.minimum)}`
    case 'too_big':
      return `Too big: expected ${sizeIn(issue.origin, issue.inclusive ? '<=' : '<', issue.maximum)}`
    case 'invalid_format':
      return issue.format === 'regex'
        ? `Invalid string: must match pattern ${issue.pattern}`
        : `Invalid ${issue.format}`
    case 'unrecognized_keys':
      return `Unrecognized key${issue.keys.length > 1 ? 's' : ''}: ${issue.keys.map((key) => `"${key}"`).join(', ')}`
    case 'invalid_union': {
      const tags = (issue.options as readonly unknown[] | undefined)?.map((tag) => `'${String(tag)}'`) ?? []
      return tags.length > 0 ? `Invalid discriminator value. Expected ${tags.join(' | ')}` : 'Invalid input'
    }
    case 'invalid_key':
      return `Invalid key in ${issue.origin}`
    case 'invalid_element':
    case 'not_multiple_of':
    case 'custom':
    default:
      return 'Invalid input'
  }
}

function sizeIn(origin: string, limit: string, size: number | bigint): string {
  const unit = UNITS[origin]
  return unit === undefined ? `${origin} to be ${limit}${size}` : `${origin} to have ${limit}${size} ${unit}`
}

/** What a value is, for people. */
function typeName(input: unknown): string {
  if (typeof input === 'number' && !Number.isFinite(input)) return String(input)
  if (typeof input !== 'object') return typeof input
  if (input === null) return 'null'
  if (Array.isArray(input)) return 'array'
  const { constructor } = input
  return typeof constructor === 'function' && Object.getPrototypeOf(input) !== Object.prototype
    ? constructor.name
    : 'object'
}
