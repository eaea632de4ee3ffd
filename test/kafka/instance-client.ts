/** A client of consumer instances of a gateway on a real cluster. */
import { expect } from 'vitest'
import { BINARY, V2 } from '../services/gateway/harness.ts'

/** A client of one instance of one gateway. */
export class Client {
  readonly #url: string
  readonly #base: string

  constructor(url: string, group: string, name: string) {
    this.#url = url
    this.#base = `/consumers/${group}/instances/${name}`
  }

  static async create(url: string, group: string, name: string, options: Record<string, unknown> = {}) {
    const usual = { name, 'auto.offset.reset': 'earliest', 'fetch.min.bytes': 0 }
    const body = JSON.stringify({ ...usual, 'auto.commit.enable': 'false', ...options })
    const init = { method: 'POST', headers: { 'content-type': V2 }, body }
    const created = await fetch(`${url}/consumers/${group}`, init)
    expect(created.status, await created.text()).toBe(200)
    return new Client(url, group, name)
  }

  async call(method: string, path: string, body?: unknown, accept = V2): Promise<[number, unknown]> {
    const type = body === undefined ? {} : { 'content-type': V2 }
    const headers = { accept, ...type }
    const sent = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const response = await fetch(`${this.#url}${this.#base}${path}`, sent)
    const text = await response.text()
    return [response.status, text === '' ? undefined : JSON.parse(text)]
  }

  async subscribe(...topics: string[]): Promise<void> {
    expect(await this.call('POST', '/subscription', { topics })).toEqual([204, undefined])
  }

  /** What a poll returned, as `partition:offset`. */
  async poll(accept = BINARY): Promise<string[]> {
    const [status, found] = await this.call('GET', '/records?timeout=1000', undefined, accept)
    expect(status, JSON.stringify(found)).toBe(200)
    return (found as { partition: number; offset: number }[])
      .map(({ partition, offset }) => `${partition}:${offset}`)
      .toSorted()
  }

  async partitions(): Promise<number[]> {
    const [, body] = await this.call('GET', '/assignments')
    return (body as { partitions: { partition: number }[] }).partitions.map(({ partition }) => partition)
  }

  async remove(): Promise<void> {
    expect(await this.call('DELETE', '')).toEqual([204, undefined])
  }
}

/** Groups share out within heartbeats and sessions, which are seconds. */
export async function eventually(work: () => Promise<void>): Promise<void> {
  await expect
    .poll(async () => work().then(() => 'so', String), { timeout: 40_000, interval: 200 })
    .toBe('so')
}
