/**
 * Key templates: `user:{key}:latest`, `order:{key.id}`, `{order:{key}}:header`.
 *
 * ```
 * template    = 1*( text / placeholder / hash tag )
 * placeholder = "{" ( "key" *( "." name ) / "ns" / "topic" / "partition" / "value" 1*( "." name ) ) "}"
 * hash tag    = "{" 1*( text / placeholder ) "}"      ; with a placeholder at least; its own braces are literal
 * ```
 *
 * Every other brace is an error. The values of placeholders are not escaped.
 *
 * @module
 */
import { parseFieldPath, valueAt } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import { textOf } from './key-text.ts'

/** The values for the placeholders of a template. */
interface TemplateSource {
  readonly topic: string
  readonly partition: number
  /** Key of the record, or of kedge's message in it. */
  readonly key: string | undefined
  /** The parsed JSON of the key; `undefined` where the key is no JSON. */
  readonly keyFields: () => unknown
  /** Namespace of kedge's message. */
  readonly ns: string | undefined
  readonly value: unknown
}

type Whole = 'key' | 'ns' | 'topic' | 'partition'
interface Field {
  readonly in: 'key' | 'value'
  readonly path: FieldPath
}
type Part = string | { readonly name: string; readonly of: Whole | Field }

export interface Template {
  readonly usesNamespace: boolean
  readonly usesValue: boolean
  /** The fields of the value that the template names. */
  readonly valuePaths: readonly FieldPath[]
  /** The fields of the key that it names; an empty path for `{key}` itself. */
  readonly keyPaths: readonly FieldPath[]
  /** The key, or the placeholder without a value. */
  keyOf(source: TemplateSource): { readonly key: string } | { readonly missing: string }
}

const PLACEHOLDER = /^\{(ns|topic|partition|(?:key|value)(?:\.[^{}]*)?)\}/

/** @throws TypeError quoting `option`. */
export function parseTemplate(text: string, option = 'key'): Template {
  const parts = partsOf(text, option)
  const used = parts.filter((part) => typeof part !== 'string')
  if (used.length === 0)
    throw new TypeError(
      `\`${option}\` has no placeholder such as {key}: every record would have the same key`,
    )
  const pathsIn = (where: Field['in']): FieldPath[] =>
    used.flatMap(({ of }) => (typeof of === 'object' && of.in === where ? [of.path] : []))
  const valuePaths = pathsIn('value')
  const isWhole = used.some(({ of }) => of === 'key')
  return {
    usesNamespace: used.some(({ of }) => of === 'ns'),
    usesValue: valuePaths.length > 0,
    valuePaths,
    keyPaths: [...(isWhole ? [[]] : []), ...pathsIn('key')],
    keyOf(source) {
      let key = ''
      for (const part of parts) {
        const said = typeof part === 'string' ? part : textOf(filled(part.of, source))
        if (said === undefined) return { missing: `{${(part as { name: string }).name}}` }
        key += said
      }
      return { key }
    },
  }
}

function partsOf(text: string, option: string): Part[] {
  const parts: Part[] = []
  /** Number of placeholders before the hash tag that is open now. */
  let tag: number | undefined
  let count = 0
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at)
    const name = PLACEHOLDER.exec(rest)?.[1]
    if (name !== undefined) {
      parts.push({ name, of: placeholderOf(name, option) })
      count++
      at += name.length + 2
    } else if (rest.startsWith('{')) {
      if (tag !== undefined) throw wrong(text, at, option)
      tag = count
      parts.push('{')
      at++
    } else if (rest.startsWith('}')) {
      if (tag === undefined || tag === count) throw wrong(text, at, option)
      tag = undefined
      parts.push('}')
      at++
    } else {
      const literal = /^[^{}]+/.exec(rest)![0]
      parts.push(literal)
      at += literal.length
    }
  }
  if (tag !== undefined) throw wrong(text, text.length, option)
  return parts
}

function placeholderOf(name: string, option: string): Whole | Field {
  if (name === 'key' || name === 'ns' || name === 'topic' || name === 'partition') return name
  if (name === 'value')
    throw new TypeError(`\`${option}\`: {value} is a whole value; name a field of it, such as {value.id}`)
  const dot = name.indexOf('.')
  return { in: name.slice(0, dot) as Field['in'], path: parseFieldPath(name.slice(dot + 1), option) }
}

const wrong = (text: string, at: number, option: string) =>
  new TypeError(
    `\`${option}\`: the braces of "${text.slice(0, 80)}" do not match at character ${at + 1}: placeholders are {key}, {key.field}, {ns}, {topic}, {partition} and {value.field}, and braces around at least one of them are a hash tag`,
  )

function filled(of: Whole | Field, source: TemplateSource): unknown {
  if (typeof of !== 'object') return source[of]
  return valueAt(of.in === 'key' ? source.keyFields() : source.value, of.path)
}
