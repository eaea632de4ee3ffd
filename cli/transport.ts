/**
 * How a long-lived process reaches its proxy: over connections of its own where undici is installed. @module
 */
import { UsageError } from './failure.ts'
import type { Session } from './session.ts'

export interface Transport {
  readonly name: 'undici' | 'fetch'
  readonly fetch: typeof fetch
  close(): Promise<void>
}

/**
 * @throws UsageError where `--transport undici` is given, and undici is not installed or cannot be loaded.
 */
export async function transportOf(
  asked: 'undici' | 'fetch' | undefined,
  session: Session,
): Promise<Transport> {
  const plain: Transport = { name: 'fetch', fetch: session.fetch, close: async () => undefined }
  if (asked === 'fetch') return plain
  try {
    // Imported by itself first. Node 20 is too old for undici 8, and ends the process when a nested import
    // throws, even inside a `try`.
    await import('undici')
    const { undici } = await import('../adapters/transport/undici.ts')
    const { fetch, close } = undici()
    return { name: 'undici', fetch, close }
  } catch (cause) {
    if (asked === undefined) return plain
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND')
      throw new UsageError('undici cannot be loaded: it needs Node 22.19 or newer', { cause })
    throw new UsageError('install undici first: it is not a part of kedge', { cause })
  }
}
