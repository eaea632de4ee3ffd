/** Exchanges with real proxies, word for word, and how a fake is held to them. */
import { readFileSync } from 'node:fs'
import { type Asked, type FakeProxy, jsonOf } from './fake-proxy.ts'

export interface Exchange {
  readonly group: string
  readonly label: string
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly status: number
  readonly ms: number
  readonly type: string | null
  readonly answer: string | null
}

export function recording(name: string): Exchange[] {
  const file = new URL(`recordings/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Exchange[]
}

/** Asks the fake what the real one was asked. */
export async function repeat(proxy: FakeProxy, exchange: Exchange) {
  const { pathname, searchParams } = new URL(exchange.path, 'http://proxy.test')
  const asked: Asked = {
    method: exchange.method,
    path: pathname,
    query: searchParams,
    headers: new Headers(exchange.headers),
    text: exchange.body ?? '',
    signal: undefined,
  }
  const { status, body } = await proxy.handle(asked)
  return { status, body: comparable(typeof body === 'string' ? body : JSON.stringify(body)) }
}

export const expected = ({ status, answer }: Exchange) => ({ status, body: comparable(answer ?? undefined) })

/** Without what is of the moment, of the machine, or the text of a library. */
function comparable(text: string | undefined): unknown {
  if (text === undefined) return undefined
  const plain = text
    .replaceAll(/"timestamp":\d+/g, '"timestamp":0')
    .replaceAll(/"configs":\{[^}]*\}/g, '"configs":{}')
    .replaceAll(/,"validation_errors":\[.*\](?=\})/g, '')
    .replaceAll(/lab-[\w-]+/g, 'lab')
    .replaceAll(/FetchPosition\{.*\} is/g, 'FetchPosition is')
    .replaceAll(/Failed to decode:.*(?="\})/g, 'Failed to decode')
    .replaceAll(/schema validation error/gi, 'Schema validation error')
  return jsonOf(plain) ?? plain
}
