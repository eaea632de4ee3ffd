/** A stream of Server-Sent Events as a client reads it. */

export interface SentEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

/** The events of a body, parsed as a browser does; comments and ids alone are kept apart. */
export class SentEvents {
  /** Those that were not taken yet. */
  readonly events: SentEvent[] = []
  /** Comments, in the order in which they came. */
  readonly comments: string[] = []
  /** What a browser would come back with. */
  lastId: string | undefined
  retryMs: number | undefined
  state: 'open' | 'ended' | 'failed' = 'open'
  readonly done: Promise<void>
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(response: Response) {
    if (response.body === null) throw new Error('the answer has no body')
    this.#reader = response.body.getReader()
    this.done = this.#read()
  }

  /** The next event, if it is there. */
  take(): SentEvent | undefined {
    return this.events.shift()
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined)
    await this.done
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    try {
      for (;;) {
        const { done, value } = await this.#reader.read()
        if (done) break
        text += decoder.decode(value, { stream: true })
        const blocks = text.split('\n\n')
        text = blocks.pop()!
        for (const block of blocks) this.#take(block)
      }
      this.state = 'ended'
    } catch {
      this.state = 'failed'
    }
  }

  #take(block: string): void {
    let event = 'message'
    let id: string | undefined
    let data: string | undefined
    for (const line of block.split('\n')) {
      const at = line.indexOf(':')
      const [field, value] = [line.slice(0, at), line.slice(at + 1).replace(/^ /, '')]
      if (field === '') this.comments.push(value)
      else if (field === 'event') event = value
      else if (field === 'id') id = value
      else if (field === 'data') data = value
      else if (field === 'retry') this.retryMs = Number(value)
      else throw new Error(`no field of an event: ${line}`)
    }
    if (id !== undefined) this.lastId = id
    if (data !== undefined) this.events.push({ event, id, data: JSON.parse(data) as SentEvent['data'] })
  }
}
