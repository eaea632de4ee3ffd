/** What `kedge serve` reports of its own life. @module */
import type { CacheStats } from '../src/api/cache-types.ts'
import type { Terminal } from './terminal.ts'

/** @param open everybody may do everything */
export function sayListening(terminal: Terminal, url: string, transport: string, open: boolean): void {
  if (open)
    terminal.tell('warn', 'open', `kedge serve: open: everybody who reaches ${url} may read, write and evict`)
  const says = `kedge serve listening on ${url} (over ${transport})`
  terminal.tell('info', 'listening', says, { url, transport })
  const page = `${url}/ui`
  terminal.tell('info', 'live_page', `kedge serve shows what it does on ${page}`, { url: page })
}

export const sayHealth = (terminal: Terminal, url: string): void =>
  terminal.tell('info', 'health', `kedge serve serves its health on ${url}`, { url })

export function sayEnded(terminal: Terminal, { hits, misses, loads }: CacheStats): void {
  const says = `kedge serve has ended: ${hits} hits, ${misses} misses, ${loads} loads`
  terminal.tell('info', 'ended', says, { hits, misses, loads })
}

export const sayNotReached = (terminal: Terminal): void =>
  terminal.tell('info', 'ended', 'kedge serve has ended before it reached the log')
