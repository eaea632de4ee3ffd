/**
 * Tags of what the origin answered: from a header, and from templates that are filled with the value.
 *
 * @module
 */

/** What a template is filled with. */
export interface TagSource {
  readonly namespace: string
  readonly key: string
  readonly value: unknown
}

/** The tags that a template makes of a value. @throws TagError where something stands there that is no tag. */
export type TagTemplate = (source: TagSource) => readonly string[]

/** Why there is no tag. */
export class TagError extends Error {
  override readonly name = 'TagError'
}

type Part = string | ((source: TagSource) => unknown)

const PLACEHOLDER = /\{([^{}]*)\}/g
const WHOLE: Readonly<Record<string, (source: TagSource) => unknown>> = {
  key: ({ key }) => key,
  namespace: ({ namespace }) => namespace,
}

/**
 * Reads a template: `team:{value.teamId}`, `{namespace}:{key}`. A list makes a tag of each of its items; where nothing or
 * `null` stands, there is no tag.
 * @throws TypeError quoting `option` where it is none.
 */
export function parseTagTemplate(text: string, option: string): TagTemplate {
  const parts: Part[] = []
  let at = 0
  for (const match of text.matchAll(PLACEHOLDER)) {
    parts.push(text.slice(at, match.index), placeholder(match[1]!, option))
    at = match.index + match[0].length
  }
  parts.push(text.slice(at))
  if (text === '' || parts.some((part) => typeof part === 'string' && /[{}]/.test(part)))
    throw new TypeError(`\`${option}\`: "${text.slice(0, 80)}" is not a tag such as team:{value.teamId}`)
  return (source) => {
    let tags: string[] = ['']
    for (const part of parts) {
      const texts = typeof part === 'string' ? [part] : textsOf(part(source), text)
      tags = tags.flatMap((tag) => texts.map((each) => tag + each))
      if (tags.length > MAX_TAGS) throw new TagError(`${text.slice(0, 80)} makes more than ${MAX_TAGS} tags`)
    }
    return tags.filter((tag) => tag !== '')
  }
}

/** Of one value, as everywhere. */
const MAX_TAGS = 100
const MAX_DEPTH = 32

function valueAt(root: unknown, path: readonly string[]): unknown {
  let at = root
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

function placeholder(name: string, option: string): (source: TagSource) => unknown {
  const whole = Object.hasOwn(WHOLE, name) ? WHOLE[name] : undefined
  if (whole !== undefined) return whole
  if (name === 'value') return ({ value }) => value
  if (!name.startsWith('value.'))
    throw new TypeError(
      `\`${option}\`: {${name.slice(0, 80)}} is not {key}, {namespace}, {value} or {value.field}`,
    )
  const path = name.slice('value.'.length).split('.')
  if (path.length > MAX_DEPTH || path.some((step) => step === '' || /\s/.test(step)))
    throw new TypeError(`\`${option}\`: {${name.slice(0, 80)}} is not {value.field}`)
  return ({ value }) => valueAt(value, path)
}

function textsOf(found: unknown, template: string): readonly string[] {
  if (found === undefined || found === null) return []
  if (Array.isArray(found))
    return found.flatMap((item) => (Array.isArray(item) ? no(template) : textsOf(item, template)))
  if (typeof found === 'string') return [found]
  return typeof found === 'number' || typeof found === 'boolean' ? [String(found)] : no(template)
}

function no(template: string): never {
  throw new TagError(`${template.slice(0, 80)} is filled with no text`)
}

/** Headers whose tags stand with spaces between them: Fastly's and Varnish's. All others have commas. */
const BY_SPACES = /^(?:surrogate-key|xkey)$/i

/** The tags of a header such as `Cache-Tag: a, b`. */
export function headerTags(headers: Headers, name: string): readonly string[] {
  const text = headers.get(name) ?? ''
  const items = BY_SPACES.test(name) ? text.split(/[\s,]+/) : text.split(',')
  return items.map((item) => item.trim()).filter((item) => item !== '')
}
