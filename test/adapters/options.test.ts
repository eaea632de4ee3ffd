import { describe, expect, it } from 'vitest'
import { confluent, type ConfluentOptions } from '../../adapters/kafka/confluent.ts'
import { gateway, type GatewayOptions } from '../../adapters/kafka/gateway.ts'
import { messagePack } from '../../adapters/codecs/messagepack.ts'
import { upstash, type UpstashOptions } from '../../adapters/kafka/upstash.ts'

const url = 'https://proxy.example'
const SECRET = 'sup3r-s3cret'

/** As a person without a type checker would call it. */
const make = (options: unknown) => () => confluent(options as ConfluentOptions)

describe('options of confluent()', () => {
  it.each([
    [undefined, 'the options of confluent()'],
    ['https://proxy.example', 'the options of confluent()'],
    [{}, '`url` is missing'],
    [{ read: { url } }, '`url` is missing: give it, or `produce.url`'],
    [{ url: '' }, '`url`'],
    [{ url: 'proxy.example' }, '`url`'],
    [{ url: 'ftp://proxy.example' }, '`url`'],
    [{ url: `https://me:${SECRET}@proxy.example` }, '`url`'],
    [{ url: `https://proxy.example/?key=${SECRET}` }, '`url`'],
    [{ url, uri: url }, '`uri` is not an option'],
    [{ url, auth: { username: 'me', token: SECRET } }, '`auth.username` is not an option'],
    [{ url, auth: { username: 'm:e', password: SECRET } }, '`auth.username`'],
    [{ url, auth: { token: `${SECRET}\r\nx: 1` } }, '`auth.token`'],
    [{ url, auth: { token: '' } }, '`auth.token`'],
    [{ url, auth: SECRET }, '`auth`'],
    [{ url, auth: { user: 'me', pass: SECRET } }, '`auth`: must be { username, password }'],
    [{ url, auth: { username: 'me', password: SECRET, token: SECRET } }, '`auth`: must be'],
    [{ url, auth: { username: 'me', password: SECRET, token: undefined } }, '`auth.token` is not an option'],
    [{ url, auth: { username: 'me', password: 5 } }, '`auth`: must be'],
    [{ url, auth: { username: '', password: SECRET } }, '`auth.username`: must not be empty'],
    [{ url, auth: null }, '`auth`: must be'],
    [{ url, auth: { token: SECRET, scheme: 'x' } }, '`auth.scheme` is not an option'],
    [{ url, headers: { 'x y': '1' } }, '`headers.x y`'],
    [{ url, headers: { x: `${SECRET}\n` } }, '`headers.x`: must fit a header'],
    [{ url, headers: { x: '' } }, '`headers.x`: must not be empty'],
    [{ url, headers: { x: 1 } }, '`headers.x`: must be a string'],
    [{ url, headers: JSON.parse('{"__proto__":1}') }, '`headers.__proto__`: must be a string'],
    [{ url, headers: new Headers({ x: SECRET }) }, '`headers`: must be an object of header values'],
    [{ url, headers: new Map([['x', SECRET]]) }, '`headers`: must be an object of header values'],
    [{ url, headers: { [Symbol('x')]: SECRET } }, '`headers.Symbol(x)`'],
    [{ url, produce: { api: 'v4' } }, '`produce.api`'],
    [{ url, produce: { clusterId: 'lkc-1' } }, '`produce.clusterId`'],
    [{ url, produce: { api: 'v3', clusterId: '../x' } }, '`produce.clusterId`'],
    [{ url, produce: { topic: 't' } }, '`produce.topic` is not an option'],
    [{ url, read: { gateway: true } }, '`read.gateway` is not an option'],
    [{ url, gateway: true }, '`gateway` is not an option of confluent()'],
    [{ url, group: 'a/b' }, '`group`'],
    [{ url, maxInstances: 0 }, '`maxInstances`'],
    [{ url, maxResponseBytes: 10 }, '`maxResponseBytes`'],
    [{ url, maxResponseBytes: Number.NaN }, '`maxResponseBytes`'],
    [{ url, maxResponseBytes: 2 ** 53 }, '`maxResponseBytes`'],
    [{ url, maxResponseBytes: 1024.5 }, '`maxResponseBytes`'],
    [{ url, requestTimeout: Infinity }, '`requestTimeout`'],
    [{ url, requestTimeout: '5 parsecs' }, '`requestTimeout`'],
    [{ url, requestTimeout: 0 }, '`requestTimeout`'],
    [{ url, requestTimeout: -1 }, '`requestTimeout`'],
    [{ url, requestTimeout: {} }, '`requestTimeout`'],
    [{ url, instanceIdle: 'never' }, '`instanceIdle`'],
    [{ url, fetch: 'fetch' }, '`fetch`'],
  ])('%j is refused, naming %s', (options, named) => {
    expect(make(options)).toThrow(TypeError)
    expect(make(options)).toThrow(named)
    expect(make(options)).not.toThrow(SECRET)
  })

  it('may name each side alone', () => {
    const log = confluent({ produce: { url, api: 'v3', clusterId: 'lkc-1' }, read: { url } })
    expect(log.capabilities).toEqual({ identity: false, longPoll: false, readCommitted: false })
  })

  it('are looked at without a request', () => {
    const fetch = () => {
      throw new Error('no request was expected')
    }
    expect(confluent({ url, fetch }).capabilities.longPoll).toBe(false)
  })
})

describe('options of gateway()', () => {
  it.each([
    [undefined, 'the options of gateway()'],
    [{}, '`url`'],
    [{ url: `https://me:${SECRET}@proxy.example` }, '`url`'],
    [{ url, auth: SECRET }, '`auth`'],
    [{ url, group: 'a' }, '`group` is not an option of gateway()'],
    [{ url, produce: { api: 'v3' } }, '`produce`: must be a log'],
    [{ url, produce: null }, '`produce`: must be a log'],
    [{ url, requestTimeout: 0 }, '`requestTimeout`'],
  ])('%j is refused, naming %s', (options, named) => {
    const wrong = () => gateway(options as unknown as GatewayOptions)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(named)
    expect(wrong).not.toThrow(SECRET)
  })
})

describe('options of upstash()', () => {
  it.each([
    [{ url }, '`username`'],
    [{ url, username: 'me' }, '`password`'],
    [{ url: 'nowhere', username: 'me', password: SECRET }, '`url`'],
    [{ url, username: 'm:e', password: SECRET }, '`username`'],
    [{ url, username: 'me', password: SECRET, token: SECRET }, '`token` is not an option'],
    [{ url, username: 'me', password: SECRET, requestTimeout: 0 }, '`requestTimeout`'],
  ])('%j is refused, naming %s', (options, named) => {
    const wrong = () => upstash(options as UpstashOptions)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(named)
    expect(wrong).not.toThrow(SECRET)
  })
})

describe('options of messagePack()', () => {
  it.each([{ maxDepth: 0 }, { maxDepth: 1.5 }, { depth: 1 }])('%j is refused', (options) => {
    expect(() => messagePack(options as { maxDepth: number })).toThrow(/`(maxDepth|depth)`/)
  })
})
