/**
 * What may be held: data. What belongs to the request that made it may not.
 *
 * On Workers a `Response`, a stream, a stub or an `AbortSignal` that is used by another request throws "Cannot perform
 * I/O on behalf of a different request" (developers.cloudflare.com/workers/observability/errors), and a promise never
 * settles. Elsewhere a body can be read once, and every reader of a cached value gets the same object. What works
 * in Node must work on Workers, so values are recognised by their methods, not by their class.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'

/** Parts of a value that are looked at, those near its top first: holding a large value must not cost much more. */
const MAX_PARTS = 256
/** A method is looked for in so many prototypes: a proxy may have itself as its own. */
const MAX_PROTOTYPES = 64
/** Longer keys are cut in messages. */
const MAX_SHOWN = 100

/** Something that is no data, and what to hold instead. */
type NotData = readonly [what: string, instead: string]

/**
 * @throws KedgeError `ERR_CODEC` where the value is, or has among its first parts, what cannot outlive a request
 */
export function checkHoldable(value: unknown, namespace: string, key: string): void {
  if (!isPart(value)) return
  const found = find(value)
  if (found === undefined) return
  const [what, instead, path] = found
  const where = path === '' ? '' : ` (at \`${cut(path)}\`)`
  throw new KedgeError(
    'ERR_CODEC',
    `the value of ${keyIn(namespace, key)} is ${what}${where}, which cannot outlive the request that made it: ${instead}`,
  )
}

/** A key of a namespace, for messages. */
export const keyIn = (namespace: string, key: string): string => `the key \`${cut(key)}\` in \`${namespace}\``

const cut = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)

/** Whether it has parts of its own, or can be called: all else is data. */
const isPart = (value: unknown): value is object =>
  typeof value === 'function' || (typeof value === 'object' && value !== null)

function find(value: object): readonly [...NotData, path: string] | undefined {
  const alien = alienOf(value)
  if (alien) return [...alien, '']
  // Breadth first; a value that contains itself ends with the parts that are looked at.
  const open: [object, path: string][] = [[value, '']]
  let left = MAX_PARTS
  for (const [at, path] of open) {
    if (ArrayBuffer.isView(at)) continue
    const inside = Array.isArray(at) || at instanceof Map || at instanceof Set ? listed(at, left) : at
    // Allow a class its own functions among its fields, beside data.
    const ofClass = !isPlain(at) && inside === at
    for (const name of Object.keys(inside)) {
      if (left-- <= 0) return undefined
      // Not by a getter: it may throw, or load lazily.
      const part: unknown = Object.getOwnPropertyDescriptor(inside, name)?.value
      if (!isPart(part)) continue
      const isFunction = typeof part === 'function'
      const strange = isFunction && ofClass && !isStub(part) ? undefined : alienOf(part)
      const place = path === '' ? name : `${path}.${name}`
      if (strange) return [...strange, place]
      if (!isFunction && open.length < MAX_PARTS) open.push([part, place])
    }
  }
  return undefined
}

/** The first members of a list: of a map, each key and then its value. */
function listed(at: object[] | Map<unknown, unknown> | Set<unknown>, most: number): object {
  if (Array.isArray(at)) return at.length > most ? at.slice(0, most) : at
  const members: unknown[] = []
  for (const [key, part] of at.entries()) {
    if (members.length >= most) break
    members.push(key)
    if (part !== key) members.push(part)
  }
  return members
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A stub has a property of any name: calling it asks the other side. */
const isStub = (value: object): boolean => 'kedge: no such property' in value

/** What the object is, unless it is data. Not by its class: another realm and another library have their own. */
function alienOf(value: object): NotData | undefined {
  if (isPlain(value)) return undefined
  if (isStub(value)) return ['a stub or binding', 'hold a copy of the data that it answers']
  if (typeof value === 'function') return ['a function', 'hold what it returns']
  const can = (name: string): boolean => hasMethod(value, name)
  if (can('then')) return ['a promise', '`await` it, and hold what it brings']
  if ('bodyUsed' in value && can('arrayBuffer')) return bodyOf(value)
  const isOneWay = can('getReader') || can('getWriter') || can('releaseLock') || (can('pipe') && can('on'))
  if (isOneWay || (sideCan(value, 'readable', 'getReader') && sideCan(value, 'writable', 'getWriter')))
    return ['a stream', 'hold its text, or its bytes in a `Uint8Array`']
  if (can('addEventListener') || (can('abort') && sideCan(value, 'signal', 'addEventListener')))
    return ['an object that sends events, as a WebSocket is', 'hold data']
  if (can('waitUntil')) return ['the context of a request', 'hold data']
  if (can('next') && (Symbol.iterator in value || Symbol.asyncIterator in value))
    return ['an iterator, which can be read once', 'hold an array of what it brings']
  return undefined
}

/** What stands there as data, its own or inherited. Getters are not called: they may throw, or load lazily. */
function dataAt(value: object, name: string | symbol): unknown {
  let at: object | null = value
  for (let depth = 0; at !== null && depth < MAX_PROTOTYPES; depth++) {
    const described = Object.getOwnPropertyDescriptor(at, name)
    if (described) return described.value
    at = Object.getPrototypeOf(at) as object | null
  }
  return undefined
}

const hasMethod = (value: object, name: string): boolean =>
  name in value && typeof dataAt(value, name) === 'function'

/** Whether the object there has the method. The platform's own pairs and controllers have accessors for their sides. */
function sideCan(value: object, side: string, method: string): boolean {
  if (!(side in value)) return false
  try {
    const found = (value as Readonly<Record<string, unknown>>)[side]
    return typeof found === 'object' && found !== null && hasMethod(found, method)
  } catch {
    // A column that is not loaded: the platform's accessors do not throw.
    return false
  }
}

/** A response or a request, called by the name of its class. */
function bodyOf(value: object): NotData {
  const name = dataAt(Object(dataAt(value, 'constructor')) as object, 'name')
  return [
    `a \`${cut(typeof name === 'string' && name !== '' ? name : 'body')}\``,
    'hold what is in it: `await response.json()`, its text, or its bytes in a `Uint8Array`',
  ]
}
