/** Inputs that once broke something, as text: each campaign begins with its own. */
import type { Decoder } from './campaign.ts'

/** A value that is nested too deep for JSON.stringify. */
const DEEP = `{"v":1,"op":"put","ns":"users","key":"7","value":${'['.repeat(10_000)}${']'.repeat(10_000)},"ttl":60000,"at":1700000000000,"asOf":99}`

export const KEPT: Partial<Record<Decoder, readonly string[]>> = {
  // Half as long again as a key may be, in UTF-16 units.
  evictions: [JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: ['😀'.repeat(400)] })],
  updates: [DEEP],
  // A line of a list of keys must not end where a key says so.
  terminal: [DEEP, JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: ['a\u2028b', 'a\u2029b'] })],
  // Each zero gave an error message of half a kilobyte.
  gateway: [`{"records":[${'0,'.repeat(400_000)}0]}`, `[${'{},'.repeat(400_000)}{}]`],
}
