/** Tells the operator when the origin of `kedge serve` fails, and when it answers again: once for each outage. @module */
import { eitherSignal } from '../src/runtime/abort.ts'
import type { Origin, OriginOutage } from '../worker/origin.ts'
import { Problem } from '../worker/problem.ts'
import { codeOf, fault } from './failure.ts'
import type { Session } from './session.ts'

/** An origin that fails for some keys alone begins and ends an outage with each of them. */
const SAY_MS = 60_000
const PROBE_MS = 5000

export interface WatchedOrigin extends Origin {
  outage(): OriginOutage | undefined
  /** Asks once whether anything answers there. Never rejects. */
  probe(): Promise<void>
}

interface Watched {
  /** Its address, without user, query and fragment. */
  readonly url: string
  readonly fetch: typeof fetch
}

export function watched(origin: Origin, { url, fetch }: Watched, session: Session): WatchedOrigin {
  const { terminal, runtime, stop } = session
  // Its path may be a secret.
  const address = new URL(url).origin
  let outage: { readonly since: number; failures: number; isSaid: boolean } | undefined
  let saidAt = -Infinity

  const failed = (error: unknown): void => {
    const now = runtime.monotonic()
    outage ??= { since: now, failures: 0, isSaid: false }
    outage.failures++
    if (outage.isSaid || now - saidAt < SAY_MS) return
    outage.isSaid = true
    saidAt = now
    terminal.tell(
      'warn',
      'origin_failed',
      `kedge serve: the origin ${address} fails: ${fault(error)}; until it answers, what is not held can be neither read nor written`,
      { origin: address, ...codeOf(error) },
    )
  }
  const answered = (): void => {
    if (outage?.isSaid)
      terminal.tell('warn', 'origin_answers', `kedge serve: the origin ${address} answers again`, {
        origin: address,
      })
    outage = undefined
  }
  const noting = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const result = await work
      answered()
      return result
    } catch (error) {
      if (isFailure(error)) failed(error)
      throw error
    }
  }
  return {
    read: (namespace, key, signal) => noting(origin.read(namespace, key, signal)),
    write: (namespace, key, value) => noting(origin.write(namespace, key, value)),
    outage: () => outage && { failures: outage.failures, forMs: runtime.monotonic() - outage.since },
    async probe() {
      const either = eitherSignal(AbortSignal.timeout(PROBE_MS), stop)
      try {
        // Any answer will do: it need not know its own root.
        const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: either.signal })
        await response.body?.cancel()
      } catch (cause) {
        if (!stop.aborted) failed(new Problem(502, 'ERR_ORIGIN', 'The origin is out of reach.', { cause }))
      } finally {
        either.done()
      }
    },
  }
}

/** A client that went away is no fault of the origin, nor is a value that it refuses. */
const isFailure = (error: unknown): boolean =>
  error instanceof Problem && (error.code === 'ERR_ORIGIN' || error.code === 'ERR_ORIGIN_TIMEOUT')
