/** A model of kafka-rest's consumer instances, with one partition, and the faults that its source and trackers show. */
import { base64, json, type Script, type Seen } from './scripted-fetch.ts'

const TYPE = { 'content-type': 'application/vnd.kafka.binary.v2+json' }

interface HeldInstance {
  assigned: unknown
  position: number | undefined
}

export class InstanceProxy {
  beginning = 0
  end = 0
  /** Offsets that compaction took. */
  readonly missing = new Set<number>()
  readonly instances = new Map<string, HeldInstance>()
  /** Answers to give instead, for the first requests that match; taken one after the other. */
  readonly faults: { line: RegExp; answer: (request: Seen) => Response | Promise<Response> }[] = []
  baseUri: (id: string) => string | undefined = (id) => `http://10.0.0.7:8082/consumers/kedge/instances/${id}`
  createHeaders: () => Headers = () => new Headers(TYPE)
  path = ''
  #made = 0

  fault(line: RegExp, answer: (request: Seen) => Response | Promise<Response>, times = 1): void {
    for (let n = 0; n < times; n++) this.faults.push({ line, answer })
  }

  expireAll(): void {
    this.instances.clear()
  }

  readonly script: Script = (request) => {
    const line = `${request.method} ${request.path}`
    const at = this.faults.findIndex((fault) => fault.line.test(line))
    if (at !== -1) return this.faults.splice(at, 1)[0]?.answer(request)
    const path = request.path.slice(this.path.length)
    if (path === '/topics/t') return json({ name: 't', partitions: [{ partition: 0 }] })
    if (path === '/topics/t/partitions/0/offsets') {
      return json({ beginning_offset: this.beginning, end_offset: this.end })
    }
    if (path === '/consumers/kedge') return this.#create()
    const match = /^\/consumers\/kedge\/instances\/([\w-]+)(\/\w+)?(\?.*)?$/.exec(path)
    return match
      ? this.#instance(request, match[1] ?? '', match[2] ?? '', new URLSearchParams(match[3]))
      : undefined
  }

  #create(): Response {
    const id = `i-${++this.#made}`
    this.instances.set(id, { assigned: undefined, position: undefined })
    const body = JSON.stringify({ instance_id: id, base_uri: this.baseUri(id) })
    return new Response(body, { headers: this.createHeaders() })
  }

  #instance(request: Seen, id: string, action: string, query: URLSearchParams): Response {
    const held = this.instances.get(id)
    if (!held) return json({ error_code: 40_403, message: 'Consumer instance not found.' }, 404)
    if (request.method === 'DELETE') {
      this.instances.delete(id)
      return json(null, 204)
    }
    if (action === '/assignments') {
      held.assigned = request.body
      return json(null, 204)
    }
    if (action === '/positions') {
      held.position = (request.body as { offsets: { offset: number }[] }).offsets[0]?.offset
      return json(null, 204)
    }
    return this.#poll(request, held, Number(query.get('max_bytes')))
  }

  #poll(request: Seen, held: HeldInstance, maxBytes: number): Response {
    if (request.headers.get('accept') !== TYPE['content-type'])
      return json({ error_code: 40_601, message: '' }, 406)
    if (request.headers.has('content-type')) return json({ error_code: 415, message: '' }, 415)
    const from = held.position ?? -1
    if (from < this.beginning || from > this.end) {
      const message = `Fetch position ${from} is out of range for partition t-0`
      return json({ error_code: 50_002, message }, 500)
    }
    const records: unknown[] = []
    let bytes = 0
    let offset = from
    for (; offset < this.end; offset++) {
      if (this.missing.has(offset)) continue
      bytes += 2 + String(offset).length
      // A record that alone reaches the bound is never returned.
      if (bytes >= maxBytes) break
      records.push(recordAt(offset))
    }
    held.position = offset
    return json(records)
  }
}

export const recordAt = (offset: number, partition = 0, topic = 't') => ({
  topic,
  partition,
  offset,
  key: base64('k'),
  value: base64(`v${offset}`),
})
