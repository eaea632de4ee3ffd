/** Valid messages of every kind, and documents that are strange from the start: what campaigns make their inputs of. */

export const EVICTIONS: readonly object[] = [
  { v: 1, op: 'evict', ns: 'users', keys: ['7', 'eu/8'] },
  { v: 1, op: 'evict', ns: 'users', keys: ['7'] },
  { v: 1, op: 'evict', ns: 'orders', keys: ['7', '__proto__', 'constructor'] },
  { v: 1, op: 'evict', ns: 'users', tags: ['even'] },
  { v: 1, op: 'evict', ns: 'users', tags: ['odd', 'none'] },
  { v: 1, op: 'evict', ns: 'users', prefixes: ['eu/'] },
  { v: 1, op: 'evict', ns: 'orders', keys: ['9'], tags: ['even'], prefixes: ['e'] },
  { v: 1, op: 'evict', ns: 'users', keys: ['7'], version: 42 },
  { v: 1, op: 'evict', ns: 'users', keys: ['7'], closes: ['k3x', 'k4x'] },
  { v: 1, op: 'evict', ns: 'users', keys: ['8'], why: 'ttl', from: 'somebody' },
  { v: 1, op: 'intent', ns: 'users', keys: ['7'], id: 'k3x', ttl: 1000 },
  { v: 1, op: 'intent', ns: 'users', keys: ['7'], id: 'k4x', ttl: 6000, write: { partition: 0, offset: 12 } },
  { v: 1, op: 'clear', ns: 'users' },
  { v: 1, op: 'clear' },
  { v: 1, op: 'beat', at: 1_700_000_000_000 },
  { v: 1, op: 'beat' },
  { key: '7' },
  { key: 7 },
  { key: '7', ns: 'users' },
  { key: 'eu/8', namespace: 'orders' },
]

export const UPDATES: readonly object[] = [
  {
    v: 1,
    op: 'put',
    ns: 'users',
    key: '7',
    value: { name: 'Ada' },
    ttl: 60_000,
    at: 1_700_000_000_000,
    asOf: 50,
  },
  {
    v: 1,
    op: 'put',
    ns: 'users',
    key: 'eu/8',
    value: 'x',
    ttl: 60_000,
    at: 1_699_999_990_000,
    asOf: 90,
    tags: ['even'],
  },
  {
    v: 1,
    op: 'put',
    ns: 'orders',
    key: '7',
    value: [1, 2],
    ttl: 1000,
    at: 1_700_000_000_000,
    asOf: 70,
    version: 43,
  },
  { v: 1, op: 'put', ns: 'orders', key: '9', value: 0, ttl: 1, at: 0, asOf: 0, log: 'log-1', settle: 2000 },
  {
    v: 1,
    op: 'put',
    ns: 'users',
    key: '__proto__',
    value: null,
    ttl: 60_000,
    at: 1_700_000_000_000,
    asOf: 100,
  },
  { v: 1, op: 'puts', ns: 'users', domain: 'd', values: [{ key: '7', value: 1, ttl: 5000 }, { key: '9', value: 2, ttl: 60_000, tags: ['odd'] }], at: 1_700_000_000_000, asOf: 80 }, // prettier-ignore
  { v: 1, op: 'del', ns: 'users', key: '7', asOf: 60 },
  { v: 1, op: 'del', ns: 'users', key: '9', asOf: 60, none: true, at: 1_700_000_000_000, log: 'log-1' },
  { key: '7', value: 'simple', ttl: '5m' },
  { key: '9', value: { a: 1 }, ttl: 1000, ns: 'orders' },
  { key: '9', value: 1, namespace: 'users' },
  { key: 7 },
]

export const REQUESTS: readonly object[] = [
  { v: 1, op: 'load', ns: 'users', key: '7', deadline: 1_700_000_000_000, end: 120, asOf: 42, log: 'log-1' },
  { v: 1, op: 'load', ns: 'users', key: '7', deadline: 1_700_000_000_000 },
]

export const WRITES: readonly object[] = [
  { v: 1, op: 'write', ns: 'users', key: '7', value: {}, id: 'q9f', at: 1_700_000_000_000 },
  { v: 1, op: 'write', ns: 'users', key: '7', deleted: true, id: 'q9f', at: 1_700_000_000_000 },
  { v: 1, op: 'written', next: 13 },
]

/** Documents that are no message at all. */
export const STRANGE: readonly string[] = [
  '', '{', '}', '[]', '{}', 'null', 'true', '0', '"7"', '"{\\"key\\":\\"7\\"}"', '{"v":2,"op":"evict","ns":"users","keys":["7"]}', '{"v":1,"op":"erase","ns":"users"}',
  '{"v":1,"op":"evict","ns":"users"}', '{"v":1,"op":"evict","ns":"users","keys":[]}', '{"v":1,"op":"evict","ns":"users","prefixes":[""]}', '{"v":1,"op":"evict","ns":"../x","keys":["7"]}',
  '{"v":1,"op":"clear","ns":null}', '{"v":1,"op":"clear","ns":""}', '{"v":"1","op":"evict","ns":"users","keys":["7"]}', '{"op":"evict","ns":"users","keys":["7"]}', '{"v":1,"ns":"users","keys":["7"]}',
  '{"__proto__":{"v":1,"op":"clear"}}', '{"v":1,"op":"beat","op":"clear"}', '{"v":1,"op":"clear","op":"beat"}', '<html><body>502 Bad Gateway</body></html>', 'MTIz', 'undefined', 'NaN',
  '{"key":""}', '{"key":null}', '{"key":{}}', '{"key":1e999}', '{"key":"7","ttl":"1e3"}', '{"key":"7","value":1,"ttl":-1}', '{"key":"7","value":1,"ttl":1e20}', '{"key":"\\ud800"}',
  '{"v":1,"op":"put","ns":"users","key":"7","value":1,"ttl":1e308,"at":0,"asOf":0}', '{"v":1,"op":"put","ns":"users","key":"7","value":1,"ttl":0,"at":0,"asOf":0}',
  '{"v":1,"op":"put","ns":"users","key":"7","value":1,"ttl":1000,"at":1e300,"asOf":100}', '{"v":1,"op":"put","ns":"users","key":"7","value":1,"ttl":1000,"at":1700000000000,"asOf":9007199254740991}',
] // prettier-ignore
