import { describe, expect, it } from 'vitest'
import { createApp } from '../../worker/app.ts'
import { openToAll } from '../../worker/auth.ts'
import { openApiDocument } from '../../worker/openapi.ts'
import { readToken, writeToken } from '../../src/wire/token.ts'
import { FakeCache } from './fake-cache.ts'

interface Operation {
  readonly operationId: string
}
type Item = Readonly<Record<string, Operation>> & {
  readonly parameters?: readonly { readonly $ref: string }[]
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Item>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly parameters: Readonly<Record<string, { readonly in: string; readonly name: string }>>
  }
}

const document = JSON.parse(JSON.stringify(openApiDocument())) as Document

function* refsIn(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return
  for (const [name, child] of Object.entries(node)) {
    if (name === '$ref' && typeof child === 'string') yield child
    else yield* refsIn(child)
  }
}

/** What a reference such as `#/components/schemas/Value` refers to. */
function at(ref: string): unknown {
  let node: unknown = document
  for (const name of ref.slice(2).split('/')) node = (node as Record<string, unknown> | undefined)?.[name]
  return node
}

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  (['get', 'put', 'post', 'delete'] as const).flatMap((method) => {
    const operation = item[method]
    return operation === undefined ? [] : [{ path, method, id: operation.operationId }]
  }),
)

describe('the OpenAPI document', () => {
  it('is of version 3.1 and served as JSON', async () => {
    const app = createApp({ cache: new FakeCache(), auth: openToAll, namespaces: ['ns'] })
    const answer = await app.request('/openapi.json')
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(await answer.json()).toEqual(document)
    expect(document.openapi).toBe('3.1.0')
  })

  it('refers only to what it holds', () => {
    const refs = [...refsIn(document)]
    expect(refs.length).toBeGreaterThan(20)
    for (const ref of refs) expect(at(ref), ref).toBeDefined()
  })

  it('names every route, each operation once, and only methods that are allowed', async () => {
    const app = createApp({ cache: new FakeCache(), auth: openToAll, namespaces: ['ns'] })
    const ids = operations.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const served = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(operations.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
      [...new Set(served)].toSorted(),
    )
  })

  it('says what bodies are taken, before they are transformed', () => {
    const { schemas } = document.components
    expect(schemas['Put']).toMatchObject({
      type: 'object',
      required: ['value'],
      additionalProperties: false,
      properties: { tags: { type: 'array', maxItems: 100, items: { minLength: 1, maxLength: 512 } } },
    })
    expect(schemas['Batch']).toMatchObject({ properties: { keys: { minItems: 1, maxItems: 100 } } })
    expect(schemas['Eviction']?.['anyOf']).toHaveLength(5)
  })

  it('says of tokens and times to live what the worker takes and gives', () => {
    const { schemas, parameters } = document.components
    const said = (parameters['Token'] as unknown as { schema: { pattern: string; maxLength: number } }).schema
    const many = new Map(Array.from({ length: 100 }, (_, partition) => [partition, 123_456_789_012]))
    for (const token of [
      writeToken({ evictions: new Map([[0, 1]]), updates: new Map() }),
      writeToken({ evictions: many, updates: many }),
    ]) {
      expect(readToken(token).evictions.get(0)).toBeGreaterThan(0)
      expect(token).toMatch(new RegExp(said.pattern, 'u'))
      expect(token.length).toBeLessThanOrEqual(said.maxLength)
    }
    for (const wrong of ['', 'k1', 'k1.0', 'k2.0-1', 'k1.0-1_', 'k1.0-1 '])
      expect(wrong).not.toMatch(new RegExp(said.pattern, 'u'))
    const { ttl } = schemas['Put']!['properties'] as { readonly ttl: object }
    expect(ttl).toMatchObject({ anyOf: [{ type: 'number', minimum: 0 }, { type: 'string' }] })
  })

  it('declares every path parameter that a path names', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = (item.parameters ?? [])
        .map(({ $ref }) => document.components.parameters[$ref.split('/').at(-1) ?? ''])
        .filter((parameter) => parameter?.in === 'path')
        .map((parameter) => parameter?.name)
      expect(declared).toEqual(named)
    }
  })
})
