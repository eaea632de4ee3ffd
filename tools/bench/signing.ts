/**
 * What signed messages cost: microseconds a record to sign and to verify, one by one and a thousand at once, and the bytes
 * that a signature adds. `node tools/bench/signing.ts`
 *
 * @module
 */
import { signatures } from '../../src/signing/index.ts'
import { encodeUtf8, json, pack } from '../../src/wire/codec.ts'

const ROUNDS = 7
const TOPIC = 'cache-evictions'
const own = signatures({ keys: [{ id: 'k1', secret: new Uint8Array(32).fill(1) }], sign: 'require' })
const key = encodeUtf8('users')
const options = { codec: json, gzipAboveBytes: 1_000_000, maxMessageBytes: 2_000_000 }

const evict = { v: 1, op: 'evict', ns: 'users', keys: ['7'] }
const times = { ttl: 300_000, at: 1_700_000_000_000, asOf: 42 }
const put = (length: number) => ({
  v: 1,
  op: 'put',
  ns: 'users',
  key: '7',
  value: 'x'.repeat(length),
  ...times,
})
const messages = [
  ['an eviction of a key', await pack(evict, options)],
  ['a value of 1 kB', await pack(put(1000), options)],
  ['a value of 100 kB', await pack(put(100_000), options)],
  ['a value of 100 kB, gzipped', await pack(put(100_000), { ...options, gzipAboveBytes: 1 })],
] as const

/** Microseconds for each of `count`: of the quickest round, as other programs only make it slower. */
async function micros(count: number, work: () => Promise<unknown>): Promise<string> {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now()
    await work()
    rounds.push(((performance.now() - began) * 1000) / count)
  }
  return Math.min(...rounds).toFixed(0)
}

const rows: Record<string, Record<string, string | number>> = {}
for (const [name, value] of messages) {
  const count = value.length > 10_000 ? 200 : 1000
  const records = Array.from({ length: count }, () => ({ key, value }))
  const signed = (await own.sign(TOPIC, records)).map(({ key: at, value: sealed }, offset) => ({
    partition: 0,
    offset,
    key: at,
    value: sealed,
  }))
  const each = async (work: (at: number) => Promise<unknown>) => {
    for (let at = 0; at < count; at++) await work(at)
  }
  rows[name] = {
    bytes: value.length,
    more: signed[0]!.value!.length - value.length,
    'sign, one by one': await micros(count, () => each((at) => own.sign(TOPIC, [records[at]!]))),
    'at once': await micros(count, () => own.sign(TOPIC, records)),
    'verify, one by one': await micros(count, () => each((at) => own.verify(TOPIC, [signed[at]!]))),
    'all at once': await micros(count, () => own.verify(TOPIC, signed)),
  }
}
if (own.stats().refused > 0) throw new Error('what was signed here was refused')
console.log('microseconds a record')
console.table(rows)
