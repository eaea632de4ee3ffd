/** Server-sent events (HTML standard, section 9.2.6) out of the pieces of a stream. @module */

export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/** The longest piece without an end that is kept: what is longer is none of this server's. */
const MAX_PENDING = 1_048_576

export class EventParser {
  #pending = ''

  /** @returns the events that are whole now. @throws Error where an event has no end */
  take(text: string): ServerEvent[] {
    const parts = (this.#pending + text).replaceAll('\r\n', '\n').split('\n\n')
    this.#pending = parts.pop() ?? ''
    if (this.#pending.length > MAX_PENDING) throw new Error('an event without an end')
    return parts.flatMap((part) => eventOf(part) ?? [])
  }
}

function eventOf(part: string): ServerEvent | undefined {
  let event = 'message'
  const data: string[] = []
  for (const line of part.split('\n')) {
    const [, field, value = ''] = /^([a-z]+):? ?(.*)$/.exec(line) ?? []
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') }
}
