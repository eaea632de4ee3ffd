/** The kinds of values that settings have: typed in a configuration file, text everywhere else. @module */
import * as z from 'zod'
import { durationMs } from '../src/runtime/duration.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { didYouMean } from './did-you-mean.ts'
import { UNITS } from './time-units.ts'

const own = (error: string) => ({ error })

export const text: z.ZodType<string> = z.string(own('must be a text')).min(1, own('must not be empty'))

/** A whole number. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const error =
    most === Number.MAX_SAFE_INTEGER
      ? `must be a whole number of at least ${least}`
      : `must be a whole number from ${least} to ${most}`
  const digits = z
    .string(own(error))
    .regex(/^\d{1,16}$/, own(error))
    .transform(Number)
  return z
    .union([z.number(), digits], own(error))
    .refine((value) => Number.isSafeInteger(value) && value >= least && value <= most, own(error))
}

const TRUTH: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false }

export const truth: z.ZodType<boolean> = z.union(
  [z.boolean(), z.enum(['true', '1', 'false', '0']).transform((value) => TRUTH[value]!)],
  own('must be true or false'),
)

/** A list: of JSON, of a repeated flag, or separated by commas. */
export function list<T>(item: z.ZodType<T>): z.ZodType<readonly T[]> {
  const split = z.string().transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  return z
    .union([z.array(z.string()), split], own('must be a list of texts'))
    .transform((parts) => parts.flatMap((part) => part.split(',')))
    .pipe(z.array(item as z.ZodType<T, string>).max(1000))
}

/** A repeated text, in which a comma is a character like any other. */
export const texts: z.ZodType<readonly string[]> = z.union(
  [z.array(text), text.transform((value) => [value])],
  own('must be a text or a list of texts'),
)

export function choice<const T extends string>(...choices: T[]): z.ZodType<T> {
  const must = `must be ${choices.length === 1 ? '' : 'one of '}${choices.join(', ')}`
  const error = ({ input }: { readonly input?: unknown }) =>
    typeof input === 'string' ? `${must}${didYouMean(input, choices)}` : must
  return z.enum(choices, { error })
}

/**
 * A length of time, in milliseconds. A text needs a unit: a user who types `--request-timeout 5` means
 * seconds, and would get 5 ms. A number in the configuration file is milliseconds, as in code.
 */
export const length: z.ZodType<number> = z
  .union([z.string(), z.number()], own('must be a duration'))
  .transform((value, context) => {
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    if (value === '0') return 0
    if (typeof value === 'string' && /^\d+$/.test(value))
      return refuse(`needs a unit: ${value}s for seconds, ${value}ms for milliseconds`)
    try {
      return durationMs(value as Duration, 'duration')
    } catch {
      return refuse("must be a duration such as '500ms', '10s' or '5m'")
    }
  })

/** A length of time in the form of the command line. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s'
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}

/** `host:port`, as Kafka's clients take it. */
export const broker: z.ZodType<string> = z
  .string()
  .refine(
    (value) => !value.includes('://'),
    own('must be host:port, without a scheme such as http:// (--url takes the URL of a proxy)'),
  )
  .regex(
    /^(?:[\w.-]{1,253}|\[[\da-fA-F:]{2,45}\]):\d{1,5}$/,
    own('must be host:port such as localhost:9092, several separated by commas'),
  )
  .refine((value) => Number(value.slice(value.lastIndexOf(':') + 1)) <= 65_535, own('has a port above 65535'))

/** The names that Kafka allows (org.apache.kafka.common.internals.Topic). */
export const topicName: z.ZodType<string> = z
  .string()
  .regex(
    /^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/,
    own('must be the name of a topic: 1 to 249 letters, digits, `.`, `_`, `-`'),
  )
