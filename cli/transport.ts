/** How a process that lives long reaches its proxy: with connections of its own where undici is installed. @module */
import { UsageError } from './failure.ts'
import type { Session } from './session.ts'

export interface Transport {
  readonly name: 'undici' | 'fetch'
  readonly fetch: typeof fetch
  close(): Promise<void>
}

/** @throws UsageError where undici is asked for and not installed. */
export async function transportOf(
  asked: 'undici' | 'fetch' | undefined,
  session: Session,
): Promise<Transport> {
  const plain: Transport = { name: 'fetch', fetch: session.fetch, close: async () => undefined }
  if (asked === 'fetch') return plain
  try {
    const { undici } = await import('../adapters/undici.ts')
    const { fetch, close } = undici()
    return { name: 'undici', fetch, close }
  } catch (cause) {
    if (asked === undefined) return plain
    throw new UsageError('install undici first: it is not a part of kedge', { cause })
  }
}
