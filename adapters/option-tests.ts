/** What options of adapters must be, each by itself (decision 112). @module */
import { faultIn, must, type Options, type OptionTest } from '../src/api/option-check.ts'
import { text } from '../src/api/option-tests.ts'

export { callback, duration, text, truth } from '../src/api/option-tests.ts'

/* @__NO_SIDE_EFFECTS__ */
export const required = (test: OptionTest): OptionTest =>
  Object.assign((value: unknown) => test(value), { required: true } as const)

/** A text that the pattern matches. */
/* @__NO_SIDE_EFFECTS__ */
export const textLike =
  (pattern: RegExp, says: string): OptionTest =>
  (value) =>
    text(value) ?? (pattern.test(value as string) ? undefined : says)

/** A text of at least one character that passes `test`. */
/* @__NO_SIDE_EFFECTS__ */
export const filled =
  (test: OptionTest = text): OptionTest =>
  (value) =>
    value === '' ? 'must not be empty' : test(value)

/** A list of names that are not empty. */
export const topicNames: OptionTest = must(
  (value: unknown) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => typeof each === 'string' && each !== ''),
  'must be a list of names',
)

/* @__NO_SIDE_EFFECTS__ */
export const oneOf = (words: readonly string[], says: string): OptionTest =>
  must((value) => words.includes(value), says)

/** A whole number that is at least `least`, and no more than `most`. */
/* @__NO_SIDE_EFFECTS__ */
export const count = (
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
  says = `must be a whole number of at least ${least}`,
): OptionTest => must((value) => Number.isSafeInteger(value) && value >= least && value <= most, says)

/** An object of options that has words of its own for what is none. */
/* @__NO_SIDE_EFFECTS__ */
export const group =
  (known: Options, says: string): OptionTest =>
  (value) => {
    const fault = faultIn(known, value)
    return fault?.path.length === 0 ? says : fault
  }
