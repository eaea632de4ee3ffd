/** Lengths of time in what strangers and operators write. @module */
import * as z from 'zod/mini'
import { durationMs } from '../src/runtime/duration.ts'
import { once } from '../src/runtime/once.ts'
import type { Duration } from '../src/runtime/duration.ts'

const error = "must be milliseconds or a duration such as '500ms', '10s' or '5m'"

function isDuration(duration: Duration): boolean {
  try {
    durationMs(duration, 'duration')
    return true
  } catch {
    return false
  }
}

/** Milliseconds as a number, or a text with a unit. */
export const DurationShape: () => z.ZodMiniType<Duration> = once(() =>
  z
    .union([z.number(), z.templateLiteral([z.number(), z.enum(['ms', 's', 'm', 'h', 'd'])])], { error })
    .check(z.refine(isDuration, { error })),
)

/** The same as a text, as variables are. */
export const DurationText: () => z.ZodMiniType<Duration> = once(() =>
  z.pipe(
    z.transform((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text)),
    DurationShape(),
  ),
)
