/** A port that another process listens on. @module */
import { CommandError } from './failure.ts'

export interface Listening {
  readonly port: number
  /** The process that may have the port. */
  readonly whose: string
  /** How to listen on this port instead. */
  readonly instead: (port: number) => string
}

/**
 * Resolves with the result of `open`.
 *
 * @throws CommandError that names a free port, where another process has this one.
 */
export async function onPort<T>({ port, whose, instead }: Listening, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof Error) || (error as { code?: unknown }).code !== 'EADDRINUSE') throw error
    const other = port < 65_535 ? port + 1 : port - 1
    throw new CommandError(`port ${port} is taken (${whose}?): ${instead(other)}`, { cause: error })
  }
}
