import { describe, expect, it } from 'vitest'
import type { Hono } from 'hono'
import { createGateway, memoryCluster } from '../../../services/gateway/index.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly $ref?: string; readonly name?: string; readonly in?: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> }
  readonly responses: Readonly<Record<string, { readonly content?: object; readonly links?: object }>>
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const KINDS: readonly [string, boolean][] = [
  ['without Upstash', false],
  ['with Upstash', true],
]

function gatewayOf(upstash: boolean): Hono {
  return createGateway({ cluster: memoryCluster(new MemoryLog(), { id: 'c1' }), upstash })
}

async function documentOf(upstash: boolean): Promise<Document> {
  const answer = await gatewayOf(upstash).request('/openapi.json')
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
  return (await answer.json()) as Document
}

/** `GET /topics/:topic` as `get /topics/{topic}`; a parameter that may be left out, or one of few words, is several. */
function documented(method: string, path: string): string[] {
  const optional = /^(.*)\/:(\w+)\?$/.exec(path)
  if (optional)
    return [`${optional[1]}`, `${optional[1]}/:${optional[2]}`].flatMap((each) => documented(method, each))
  const words = /^(.*):\w+\{([a-z|]+)\}(.*)$/.exec(path)
  if (words) return words[2]!.split('|').flatMap((word) => documented(method, words[1] + word + words[3]))
  return [`${method.toLowerCase()} ${path.replaceAll(/\/:(\w+)/g, '/{$1}')}`]
}

/** Those that take one method: what takes all is a guard, or refuses. */
const routesOf = (app: Hono): string[] => [
  ...new Set(
    app.routes
      .filter(({ method }) => method !== 'ALL')
      .flatMap(({ method, path }) => documented(method, path)),
  ),
]

const operationsOf = ({ paths }: Document): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  )

function* refsIn(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return
  for (const [name, child] of Object.entries(node)) {
    if (name === '$ref' && typeof child === 'string') yield child
    else yield* refsIn(child)
  }
}

function at(document: Document, ref: string): unknown {
  let node: unknown = document
  for (const name of ref.slice(2).split('/')) node = (node as Record<string, unknown> | undefined)?.[name]
  return node
}

describe.each(KINDS)('The OpenAPI document of a gateway %s', (_, upstash) => {
  it('names every route, and nothing else', async () => {
    const named = operationsOf(await documentOf(upstash)).map(([route]) => route)
    expect(named.toSorted()).toEqual(routesOf(gatewayOf(upstash)).toSorted())
    expect(named.length).toBeGreaterThan(40)
  })

  it('names each operation once, and declares the parameters of its path', async () => {
    const document = await documentOf(upstash)
    const operations = operationsOf(document)
    const ids = operations.map(([, { operationId }]) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [route, { parameters = [] }] of operations) {
      const named = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = parameters
        .map((one) => (one.$ref === undefined ? one : (at(document, one.$ref) as typeof one)))
        .filter((one) => one.in === 'path')
        .map(({ name }) => name)
      expect([route, declared]).toEqual([route, named])
    }
  })

  it('refers only to what it holds, and links to operations that there are', async () => {
    const document = await documentOf(upstash)
    const refs = [...refsIn(document)]
    expect(refs.length).toBeGreaterThan(100)
    for (const ref of refs) expect(at(document, ref), ref).toBeDefined()
    const ids = new Set(operationsOf(document).map(([, { operationId }]) => operationId))
    const links = operationsOf(document).flatMap(([, { responses }]) =>
      Object.values(responses).flatMap((response) => Object.keys(response.links ?? {})),
    )
    expect(links).toContain('subscribe')
    for (const link of links) expect(ids).toContain(link)
  })

  it('says of each operation of a protocol how a stranger, a foreign page and a wrong host are refused', async () => {
    for (const [route, { responses }] of operationsOf(await documentOf(upstash))) {
      if (/ \/(?:healthz|readyz)$/.test(route)) continue
      expect([route, Object.keys(responses)]).toEqual([
        route,
        expect.arrayContaining(['401', '403', '421', '429']),
      ])
    }
  })
})

describe('The OpenAPI document of a gateway', () => {
  it('says what bodies are taken, also in lists that are checked item by item', async () => {
    const { paths } = await documentOf(true)
    const bodies = paths['/topics/{topic}']!['post']!.requestBody!.content
    expect(Object.keys(bodies)).toEqual([
      'application/vnd.kafka.binary.v2+json',
      'application/vnd.kafka.json.v2+json',
    ])
    expect(bodies['application/vnd.kafka.binary.v2+json']!.schema).toMatchObject({
      type: 'object',
      required: ['records'],
      properties: {
        records: {
          type: 'array',
          minItems: 1,
          items: {
            additionalProperties: false,
            properties: { key: { pattern: expect.any(String) }, partition: {} },
          },
        },
      },
    })
    const fetched = paths['/fetch']!['post']!.requestBody!.content['application/json']!.schema
    expect(fetched).toMatchObject({ dependentRequired: { topic: ['partition', 'offset'] } })
  })

  it('is for those who may ask the gateway, as the list of its protocols is', async () => {
    const cluster = memoryCluster(new MemoryLog())
    const app = createGateway({ cluster, auth: { tokens: ['a-token-that-nobody-can-guess'] } })
    expect((await app.request('/openapi.json')).status).toBe(401)
  })
})
