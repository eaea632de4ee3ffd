/** The schemas that check requests, as JSON Schema. @module */
import * as z from 'zod/mini'
import { elementOf } from '../../../adapters/kafka/rest/validation.ts'

export type Json = Readonly<Record<string, unknown>>

/** What the document says of a schema beside what the schema itself says: where code checks further, or by hand. */
export const Described: z.core.$ZodRegistry<Record<string, unknown>> = z.registry()

/** A schema of what travels: before it is transformed, and without naming its dialect again. */
export function schemaOf(schema: z.ZodMiniType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    metadata: Described,
    override: ({ zodSchema, jsonSchema }) => {
      const element = elementOf(zodSchema)
      if (element) jsonSchema.items = schemaOf(element)
    },
  })
  return rest
}

export const BASE64: Json = {
  type: ['string', 'null'],
  pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
  description: 'Bytes in base64, with padding.',
}
export const INTEGER: Json = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
export const TEXT: Json = { type: 'string' }

/** An object that has all of these members, and may have others: some of which are described. */
export const members = (properties: Json, optional: Json = {}): Json => ({
  type: 'object',
  required: Object.keys(properties),
  properties: { ...properties, ...optional },
})
export const listOfAll = (items: Json): Json => ({ type: 'array', items })
export const nullable = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] })
