/** JSON documents whose numbers no double holds, and what becomes of them on the way through a gateway. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { BINARY, JSON_FORMAT, V2 } from './harness.ts'

/** Written as it is expected in the log, and as a client may send it: with space, and its strings escaped. */
interface Document {
  readonly stored: string
  readonly sent: string
}

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((all) => all.join(''))
const whole = digits(0, 40).map((text) => text.replace(/^0+(?=.)/, '') || '0')
const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    whole,
    fc.option(digits(1, 40), { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), digits(1, 4)), { nil: undefined }),
  )
  .map(([sign, int, fraction, exponent]) =>
    [sign, int, fraction === undefined ? '' : `.${fraction}`, ...(exponent ?? [])].join(''),
  )
const named = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('key', 'value', 'a"]}', '\\', '\\"', '__proto__'),
)

const escaped = (text: string): string =>
  `"${[...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
/** Names and texts of even length as `JSON.stringify` has them: quotes and backslashes are escaped by one letter. */
const spelled = (text: string): string => (text.length % 2 === 0 ? JSON.stringify(text) : escaped(text))
const scalar: fc.Arbitrary<Document> = fc.oneof(
  { weight: 4, arbitrary: numberText.map((text) => ({ stored: text, sent: text })) },
  { weight: 1, arbitrary: named.map((text) => ({ stored: JSON.stringify(text), sent: spelled(text) })) },
  { weight: 1, arbitrary: fc.constantFrom('true', 'false').map((text) => ({ stored: text, sent: text })) },
)

const { document } = fc.letrec<{ document: Document }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    scalar,
    fc.array(tie('document'), { maxLength: 4 }).map((items) => ({
      stored: `[${items.map(({ stored }) => stored).join(',')}]`,
      sent: `[ ${items.map(({ sent }) => sent).join(' ,\n')} ]`,
    })),
    fc
      .uniqueArray(fc.tuple(named, tie('document')), { maxLength: 4, selector: ([name]) => name })
      .map((members) => ({
        stored: `{${members.map(([name, { stored }]) => `${JSON.stringify(name)}:${stored}`).join(',')}}`,
        sent: `{ ${members.map(([name, { sent }]) => `${spelled(name)} :\t${sent}`).join(' , ')} }`,
      })),
  ),
}))

export const records: fc.Arbitrary<{ readonly key: Document; readonly value: Document }[]> = fc.array(
  fc.record({ key: document, value: document }),
  { minLength: 1, maxLength: 5 },
)

type Request = (path: string, init?: RequestInit) => Response | Promise<Response>
type Records = readonly { readonly key: Document; readonly value: Document }[]

const ROUTES: Readonly<Record<string, (request: Request, topic: string, sent: Records) => Promise<void>>> = {
  'v2 topic': (request, topic, sent) => v2(request, `/topics/${topic}`, sent),
  'v2 partition': (request, topic, sent) => v2(request, `/topics/${topic}/partitions/0`, sent),
  'v3 records': async (request, topic, sent) => {
    const body = sent
      .map(({ key, value }) => `{"key": ${typed(key.sent)}, "value": ${typed(value.sent)}}`)
      .join('\n')
    const text = await v3(request, `${topic}/records`, body)
    expect(text.match(/"error_code":200/g)).toHaveLength(sent.length)
  },
  'v3 batch': async (request, topic, sent) => {
    const entries = sent.map(
      ({ key, value }, at) => `{"id":"${at}","value":${typed(value.sent)},"key":${typed(key.sent)}}`,
    )
    const text = await v3(request, `${topic}/records:batch`, `{"entries": [${entries.join(' , ')}]}`)
    expect(JSON.parse(text)).toMatchObject({ failures: [] })
  },
}
export const routes: readonly string[] = Object.keys(ROUTES)

const typed = (text: string): string => `{"type": "JSON", "data": ${text}}`

async function v2(request: Request, path: string, sent: Records): Promise<void> {
  const all = sent.map(({ key, value }) => `{"value": ${value.sent}, "key": ${key.sent} }`)
  const response = await request(path, {
    method: 'POST',
    headers: { 'content-type': JSON_FORMAT },
    body: `{ "records": [${all.join(',')}] }`,
  })
  const text = await response.text()
  expect([response.status, text.match(/"error_code":null/g)?.length], text).toEqual([200, sent.length])
}

async function v3(request: Request, path: string, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const clusters = (await (await request('/v3/clusters')).json()) as { data: { cluster_id: string }[] }
  const response = await request(`/v3/clusters/${clusters.data[0]!.cluster_id}/topics/${path}`, {
    method: 'POST',
    headers,
    body,
  })
  return response.text()
}

/** Sends the records by one route; looks at the bytes in the log, and at what JSON readers are shown. */
export async function expectExact(
  request: Request,
  topic: string,
  route: string,
  sent: Records,
  from: number,
): Promise<void> {
  await ROUTES[route]!(request, topic, sent)
  const path = `/topics/${topic}/partitions/0/records?offset=${from}&timeout=0&max_bytes=8000000`
  const shown = async (accept: string) => (await request(path, { headers: { accept } })).text()

  const stored = JSON.parse(await shown(BINARY)) as { key: string; value: string }[]
  const text = (base64: string) => Buffer.from(base64, 'base64').toString()
  expect(stored.map(({ key, value }) => [text(key), text(value)])).toEqual(
    sent.map(({ key, value }) => [key.stored, value.stored]),
  )
  const expected = sent.map(
    ({ key, value }, at) =>
      `{"topic":"${topic}","key":${key.stored},"value":${value.stored},"partition":0,"offset":${from + at}}`,
  )
  expect(await shown(JSON_FORMAT)).toBe(`[${expected.join(',')}]`)

  const instance = '/consumers/exact/instances/c'
  const post = (to: string, body: unknown) =>
    request(to, { method: 'POST', headers: { 'content-type': V2 }, body: JSON.stringify(body) })
  const options = { name: 'c', format: 'json', 'fetch.min.bytes': 0, 'auto.commit.enable': 'false' }
  await post('/consumers/exact', options)
  await post(`${instance}/assignments`, { partitions: [{ topic, partition: 0 }] })
  await post(`${instance}/positions`, { offsets: [{ topic, partition: 0, offset: from }] })
  const polled = await request(`${instance}/records`, { headers: { accept: JSON_FORMAT } })
  expect(await polled.text()).toBe(`[${expected.join(',')}]`)
  await request(instance, { method: 'DELETE' })
}
