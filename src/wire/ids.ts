/**
 * What may be a key, a tag, a prefix or the name of a namespace.
 *
 * @module
 */
/** Names of namespaces: at most 64 letters, digits, `.`, `_`, `-`. */
export const NAMESPACE_PATTERN: RegExp = /^[A-Za-z0-9._-]{1,64}$/

/** Keys, tags and prefixes are at most this long, in UTF-16 units. */
export const MAX_KEY_LENGTH = 512

/** Keys, tags or prefixes in one message. */
export const MAX_IDS = 1000

export const isNamespaceName = (value: unknown): value is string =>
  typeof value === 'string' && NAMESPACE_PATTERN.test(value)

/** Whether a value may be a key, a tag or a prefix that a stranger has sent. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_KEY_LENGTH

/**
 * Refuses keys, tags and prefixes that a reader could not tell apart once they are encoded.
 * @throws TypeError when `text` is empty, too long, or holds half a surrogate pair (it has no UTF-8).
 */
export function checkId(text: string, what: 'key' | 'tag' | 'prefix' | 'domain'): void {
  if (!isId(text) || /\p{Surrogate}/u.test(text))
    throw new TypeError(`a ${what} must be a well-formed string of 1 to ${MAX_KEY_LENGTH} characters`)
}
