/**
 * A copy of what a server of kedge holds of a namespace, kept up to date: for browsers, and for anything else with `fetch`.
 *
 * It follows the evictions first, and then takes the dump, so that it misses none in between. A value is taken only if every
 * eviction since its as-of is known: to the server that wrote the line, or from the stream; and if none of them meets it.
 */

/** More evictions than this while a dump comes in: it is taken once more instead. */
const MAX_MET = 10_000

export class Copy {
  /** @type {Map<string, { value: unknown, asOf: number, tags: string[], version?: number, until: number }>} */
  values = new Map()
  /** `connecting`, `filling`, `live`, `unproved`, or `away`: only while it is `live` does the copy drop what the server drops. */
  state = 'connecting'
  /** The token of what was read last: a stream that breaks off goes on after it. */
  id = ''
  #options
  #log
  #horizon = 0
  /** Evictions since the copy began anew, for lines that arrive after them. */
  #met = []
  #filling = 0
  #isFilled = false
  #isProved = true
  #stop = new AbortController()

  /** @param {{ url: string, namespace: string, token?: string, onChange?: (what: object) => void }} options */
  constructor(options) {
    this.#options = options
  }

  /** The value of a key, if it is there, and its time is not over. */
  get(key) {
    const held = this.values.get(key)
    return held !== undefined && performance.now() < held.until ? held.value : undefined
  }

  /** Follows the server until it is stopped. */
  async follow() {
    let retryMs = 2000
    while (!this.#stop.signal.aborted) {
      try {
        const headers = { accept: 'text/event-stream', ...(this.id && { 'last-event-id': this.id }) }
        const response = await this.#ask('events', headers)
        for await (const { event, id, data, retry } of eventsIn(response.body)) {
          if (retry !== undefined) retryMs = retry
          if (id !== undefined) this.id = id
          if (data !== undefined) this.#take(event, JSON.parse(data))
        }
      } catch (error) {
        if (this.#stop.signal.aborted) return
        this.#say('away', { error: String(error) })
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs * (0.5 + Math.random())))
    }
  }

  stop() {
    this.#stop.abort()
  }

  #take(event, data) {
    if (event === 'evict') this.#evict(data)
    else if (event === 'begin' || event === 'resync') this.#begin(event, data)
    else {
      // `resume`, `proved` or `unproved`. A server says that it cannot prove what it knows after it has said where it is.
      this.#isProved = event !== 'unproved'
      if (this.#isFilled) this.#say(this.#isProved ? 'live' : 'unproved')
    }
  }

  /** Nothing that is here can be judged any more: begins anew where the stream is now. */
  #begin(event, { position, log, because }) {
    this.values.clear()
    this.#met = []
    this.#log = log
    this.#horizon = position
    this.#isFilled = false
    this.#say('filling', { event, because })
    void this.#fill(++this.#filling)
  }

  #evict(eviction) {
    if (!this.#isFilled) this.#met.push(eviction)
    for (const [key, held] of this.values) if (meets(eviction, key, held)) this.values.delete(key)
    if (this.#met.length > MAX_MET) this.#begin('resync', { position: eviction.offset + 1, log: this.#log })
    else this.#say(this.state, { event: 'evict', ...eviction })
  }

  async #fill(filling) {
    while (filling === this.#filling && !this.#stop.signal.aborted) {
      try {
        // With the token the server first reads the log as far as the stream has come.
        const response = await this.#ask('dump', { accept: 'application/x-ndjson', 'kedge-token': this.id })
        for await (const line of linesIn(response.body)) {
          // It has begun anew meanwhile.
          if (filling !== this.#filling) return
          const message = JSON.parse(line)
          if (message.op === 'put') this.#put(message)
          else if (message.op === 'dump' && message.log !== this.#log)
            throw new Error('the dump is of another log')
        }
        this.#isFilled = true
        this.#met = []
        this.#say(this.#isProved ? 'live' : 'unproved', { event: 'filled' })
        return
      } catch (error) {
        if (this.#stop.signal.aborted) return
        this.#say('filling', { error: String(error) })
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
    }
  }

  #put({ key, value, asOf, position, tags = [], version, left }) {
    const held = { value, asOf, tags, version, until: performance.now() + left }
    // Evictions below the horizon were never told here: the server must have applied them.
    if (Math.max(asOf, position) < this.#horizon) return
    if (this.#met.some((eviction) => meets(eviction, key, held))) return
    this.values.set(key, held)
  }

  async #ask(route, headers) {
    const { url, namespace, token } = this.#options
    const signal = this.#stop.signal
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const address = `${url}/cache/${encodeURIComponent(namespace)}/${route}`
    const response = await fetch(address, {
      headers: { ...headers, ...authorization },
      signal,
      cache: 'no-store',
    })
    if (!response.ok) throw new Error(`${route}: ${response.status}`)
    return response
  }

  #say(state, what = {}) {
    this.state = state
    this.#options.onChange?.({ state, ...what })
  }
}

/** The as-of rule: an eviction kills every value that it matches whose as-of is at or below its offset. */
function meets({ offset, all, keys = [], tags = [], prefixes = [], version }, key, held) {
  if (held.asOf > offset) return false
  if (all === true) return true
  if (keys.includes(key)) return version === undefined || held.version === undefined || held.version < version
  return held.tags.some((tag) => tags.includes(tag)) || prefixes.some((prefix) => key.startsWith(prefix))
}

async function* linesIn(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop()
    yield* lines
  }
}

/** Server-Sent Events. `EventSource` does the same, but sends no `Authorization`. */
async function* eventsIn(body) {
  let block = {}
  for await (const line of linesIn(body)) {
    const [, field, value] = /^(event|id|data|retry): ?(.*)$/.exec(line) ?? []
    if (field !== undefined) block[field] = field === 'retry' ? Number(value) : value
    if (line !== '') continue
    yield block
    block = {}
  }
}
