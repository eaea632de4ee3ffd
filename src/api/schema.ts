/** Schemas that users give for their values: what they may be, and how a value is checked by one. @module */

/**
 * A schema that checks at once: one of zod or zod/mini, or of any library that speaks Standard Schema, such as Valibot
 * and ArkType (https://standardschema.dev).
 */
export interface Schema<T> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>
  }
}

/** What a schema answers: the value as it gives it or, where it refuses the value, `issues`. */
export interface SchemaResult<T> {
  readonly value?: T
  readonly issues?: readonly { readonly message: string }[] | undefined
}

interface Zod {
  safeParse(value: unknown): { readonly success: boolean; readonly data?: unknown }
}

const isZod = (schema: unknown): schema is Zod =>
  typeof (schema as Partial<Zod> | undefined)?.safeParse === 'function'

export const isSchema = (value: unknown): boolean =>
  isZod(value) ||
  typeof (value as Partial<Schema<unknown>> | undefined)?.['~standard']?.validate === 'function'

/**
 * The value as the schema gives it; `undefined` where the schema refuses it.
 * @throws TypeError when the schema checks asynchronously; what its own checks throw
 */
export function checkedBy(schema: Schema<unknown>, value: unknown): { readonly value: unknown } | undefined {
  // Zod's standard way runs a check that throws once more, and turns what it throws into a promise.
  if (isZod(schema)) return checkedByZod(schema, value)
  const result = schema['~standard'].validate(value)
  if (!('then' in result)) return result.issues === undefined ? { value: result.value } : undefined
  result.then(undefined, () => undefined)
  throw asynchronous()
}

function checkedByZod(schema: Zod, value: unknown): { readonly value: unknown } | undefined {
  try {
    const result = schema.safeParse(value)
    return result.success ? { value: result.data } : undefined
  } catch (cause) {
    // Zod 3 and 4 say so with errors that have no name of their own.
    throw cause instanceof Error && cause.message.includes('parseAsync') ? asynchronous(cause) : cause
  }
}

const asynchronous = (cause?: unknown): TypeError =>
  new TypeError('it checks asynchronously, and a value is checked at once: give one without promises', {
    cause,
  })
