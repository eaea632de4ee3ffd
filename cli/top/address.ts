/** The addresses of processes, as people write them. @module */
import { isPlainUrl } from '../../adapters/options.ts'
import { UsageError } from '../failure.ts'
import { plain } from '../terminal.ts'

/**
 * A port, `host:port`, or a URL, as a URL without a slash at its end: what `--listen` of the process was given.
 *
 * @throws UsageError for what is none of them; it quotes no credentials
 */
export function addressOf(
  given: string,
  takes = 'top takes the address of a process, which is that of its --listen',
): string {
  const address = /^\d{1,5}$/.test(given)
    ? `http://127.0.0.1:${given}`
    : given.includes('://')
      ? given
      : `http://${given}`
  if (isPlainUrl(address)) return address.replace(/\/+$/, '')
  const shown = given.includes('@') ? '' : `, got "${plain(given).slice(0, 60)}"`
  throw new UsageError(`${takes}: 9100, 10.0.0.7:9100 or http://kedge:9100${shown}`)
}
