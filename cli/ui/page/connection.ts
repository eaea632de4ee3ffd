/** The stream of events, kept open: what was heard last, and how the connection is. @module */
import type { EvictionBatch, LiveState } from '../state.ts'
import { ask, faultIn } from './server.ts'
import { EventParser } from '../sse.ts'
import type { ServerEvent } from '../sse.ts'

export type Link =
  | { readonly is: 'connecting' }
  | { readonly is: 'live' }
  /** Tried again at `retryAt`, in milliseconds of the clock of this page. */
  | { readonly is: 'lost'; readonly why: string; readonly retryAt: number }
  /** A credential is needed, or another one. */
  | { readonly is: 'shut'; readonly why: string; readonly wasShown: boolean }

export interface Listener {
  onLink(link: Link): void
  onState(state: LiveState): void
  onEvictions(batch: EvictionBatch): void
}

/** The server tells its state each second: silence for so long is a connection that has died. */
const SILENCE_MS = 8000
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 15_000

/** Connects, and again whenever the connection is lost, until the signal is aborted or a credential is needed. */
export async function connect(
  authorization: string | undefined,
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    if (failures === 0) listener.onLink({ is: 'connecting' })
    const end = await once(authorization, listener, signal)
    if (signal.aborted) return
    if ('shut' in end)
      return listener.onLink({ is: 'shut', why: end.shut, wasShown: authorization !== undefined })
    failures = end.wasLive ? 1 : failures + 1
    const pause = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2)
    listener.onLink({ is: 'lost', why: end.why, retryAt: Date.now() + pause })
    await pauseOrWake(pause, signal)
  }
}

type End = { readonly shut: string } | { readonly wasLive: boolean; readonly why: string }

async function once(
  authorization: string | undefined,
  listener: Listener,
  signal: AbortSignal,
): Promise<End> {
  const stop = new AbortController()
  const abort = () => stop.abort()
  signal.addEventListener('abort', abort)
  let silence = setTimeout(abort, SILENCE_MS)
  let wasLive = false
  try {
    const response = await ask('/ui/events', authorization, { signal: stop.signal })
    if (response.status === 401 || response.status === 403) return { shut: await faultIn(response) }
    if (!response.ok || !response.body) return { wasLive, why: await faultIn(response) }
    const parser = new EventParser()
    const decoder = new TextDecoder()
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return { wasLive, why: 'The server has ended the connection.' }
      clearTimeout(silence)
      silence = setTimeout(abort, SILENCE_MS)
      for (const event of parser.take(decoder.decode(value, { stream: true }))) {
        if (!wasLive) listener.onLink({ is: 'live' })
        wasLive = true
        tell(event, listener)
      }
    }
  } catch {
    return { wasLive, why: stop.signal.aborted ? 'The server says nothing.' : 'The server does not answer.' }
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', abort)
    stop.abort()
  }
}

function tell({ event, data }: ServerEvent, listener: Listener): void {
  if (event === 'state') listener.onState(JSON.parse(data) as LiveState)
  else if (event === 'evictions') listener.onEvictions(JSON.parse(data) as EvictionBatch)
}

/** Waits; shorter where the network has come back, or the tab is looked at again. */
function pauseOrWake(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      removeEventListener('online', done)
      document.removeEventListener('visibilitychange', seen)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const seen = () => document.visibilityState === 'visible' && done()
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
    document.addEventListener('visibilitychange', seen)
    signal.addEventListener('abort', done)
  })
}
