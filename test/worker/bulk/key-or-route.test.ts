import { expect, it } from 'vitest'
import { asksForKey } from '../../../worker/bulk/key-or-route.ts'

const EVENTS = '/cache/:namespace/events'
const DUMP = '/cache/:namespace/dump'

it.each([
  ['application/json'],
  // What axios, ky and browsers' `fetch` wrappers send.
  ['application/json, text/plain, */*'],
  ['Application/JSON'],
  ['application/json; charset=utf-8'],
  ['text/html;q=0.5 , application/json ;q=0.9'],
  ['application/json, */*;q=0.1'],
  ['application/json;q=0.8, */*;q=0.8'],
  ['application/json, text/event-stream;q=0, application/x-ndjson;q=0'],
  ['application/json, text/event-stream;q=0.5, application/x-ndjson;q=0.5'],
])('a request that accepts “%s” asks for the key', (accept) => {
  expect([asksForKey(EVENTS, accept), asksForKey(DUMP, accept)]).toEqual([true, true])
})

it.each([
  [undefined],
  [''],
  ['*/*'],
  ['application/*'],
  ['text/event-stream'],
  ['application/json;q=0'],
  ['application/json; q=0.0, */*'],
  ['application/json;q=0.5, */*'],
  ['application/json;q=0.5, text/*, application/*'],
  ['text/event-stream, application/x-ndjson, application/json'],
  // Others, although JSON stands in them.
  ['application/json-seq'],
  ['application/problem+json'],
  ['text/plain; of="application/json"'],
  [`${'text/plain,'.repeat(32)}application/json`],
])('a request that accepts “%s” asks for the route', (accept) => {
  expect([asksForKey(EVENTS, accept), asksForKey(DUMP, accept)]).toEqual([false, false])
})

it('is of routes alone that have a type of their own', () => {
  expect(asksForKey('/cache/:namespace/:key', 'application/json')).toBe(false)
})
