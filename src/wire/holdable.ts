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

/** Something that is no data. */
interface NotData {
  readonly what: string
  /** What to hold instead. */
  readonly instead: string
}

const FUNCTION: NotData = { what: 'a function', instead: 'hold what it returns' }
const STUB: NotData = {
  what: 'a stub or binding',
  instead: 'call it, and hold a copy of the data that it answers',
}
const PROMISE: NotData = { what: 'a promise', instead: '`await` it, and hold what it brings' }
const ONCE: NotData = {
  what: 'an iterator, which can be read once',
  instead: 'hold an array of what it brings',
}
const STREAM: NotData = {
  what: 'a stream',
  instead: 'read it to its end, and hold its text, or its bytes in a `Uint8Array`',
}
const CONTEXT: NotData = { what: 'the context of a request', instead: 'hold data' }
const LISTENED: NotData = {
  what: 'an object that sends events (a WebSocket, an AbortSignal, …)',
  instead: 'hold data',
}

/**
 * @throws KedgeError `ERR_CODEC` where the value is, or has among its first parts, what cannot outlive a request
 */
export function checkHoldable(value: unknown, namespace: string, key: string): void {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return
  const found = find(value)
  if (found === undefined) return
  const { what, instead, path } = found
  const where = path === '' ? '' : ` (at \`${path}\`)`
  throw new KedgeError(
    'ERR_CODEC',
    `the value of ${keyIn(namespace, key)} is not held, because it is ${what}${where}: that cannot outlive the request ` +
      `that made it, nor be shared by several. Rather ${instead}`,
  )
}

/** A key of a namespace, for messages. */
export const keyIn = (namespace: string, key: string): string =>
  `the key \`${key.length > MAX_SHOWN ? `${key.slice(0, MAX_SHOWN)}…` : key}\` in \`${namespace}\``

/** An object on the way, and how one gets to it. */
interface Step {
  readonly at: object
  readonly from: Step | undefined
  readonly name: string
}

function find(value: object): (NotData & { path: string }) | undefined {
  const top: Step = { at: value, from: undefined, name: '' }
  const alien = isPlain(value) ? undefined : alienOf(value)
  if (alien) return { ...alien, path: '' }
  // Breadth first; a value that contains itself ends with the parts that are looked at.
  const open = [top]
  let left = MAX_PARTS
  for (const from of open) {
    const { at } = from
    if (ArrayBuffer.isView(at)) continue
    const ofClass = !isPlain(at)
    const inside = Array.isArray(at) || at instanceof Map || at instanceof Set ? listed(at, left) : at
    for (const name of Object.keys(inside)) {
      if (left-- <= 0) return undefined
      // Not by a getter: it may throw, or load lazily.
      const part: unknown = Object.getOwnPropertyDescriptor(inside, name)?.value
      if (typeof part === 'object' ? part === null : typeof part !== 'function') continue
      // Allow a class its own functions among its fields, beside data.
      const isOwnFunction = ofClass && typeof part === 'function' && !isStub(part) && inside === at
      const strange = isOwnFunction ? undefined : alienOf(part as object)
      if (strange === undefined && (typeof part === 'function' || open.length >= MAX_PARTS)) continue
      const step: Step = { at: part as object, from, name }
      if (strange) return { ...strange, path: pathTo(step) }
      open.push(step)
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

function pathTo(step: Step): string {
  const names: string[] = []
  for (let at: Step | undefined = step; at?.from; at = at.from) names.unshift(at.name)
  const path = names.join('.')
  return path.length > MAX_SHOWN ? `${path.slice(0, MAX_SHOWN)}…` : path
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
  if (isStub(value)) return STUB
  if (typeof value === 'function') return FUNCTION
  const can = (name: string): boolean => hasMethod(value, name)
  if (can('then')) return PROMISE
  if ('bodyUsed' in value && can('arrayBuffer')) return bodyOf(value)
  if (can('getReader') || can('getWriter') || can('releaseLock') || (can('pipe') && can('on'))) return STREAM
  if (sideCan(value, 'readable', 'getReader') && sideCan(value, 'writable', 'getWriter')) return STREAM
  if (can('addEventListener')) return LISTENED
  if (can('abort') && sideCan(value, 'signal', 'addEventListener')) return LISTENED
  if (can('waitUntil')) return CONTEXT
  return can('next') && (Symbol.iterator in value || Symbol.asyncIterator in value) ? ONCE : undefined
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

function bodyOf(value: object): NotData {
  const tag = dataAt(value, Symbol.toStringTag)
  const maker = dataAt(value, 'constructor')
  const made = typeof maker === 'function' ? dataAt(maker, 'name') : undefined
  const isName = (each: unknown): each is string => typeof each === 'string' && each !== ''
  const name = [tag, made].find(isName) ?? 'body'
  return {
    what: `a \`${name.slice(0, MAX_SHOWN)}\``,
    instead:
      'hold what is in it: `await response.json()`, `.text()`, or `new Uint8Array(await response.arrayBuffer())`',
  }
}
