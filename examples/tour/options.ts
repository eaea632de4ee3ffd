/**
 * The command line of the demo.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { messageOf, StartError } from './server.ts'

/** Wrangler's own default, which people expect a worker at. */
export const DEFAULT_PORT = 8787
/** The demo listens on this many ports in a row. */
const PORTS = 5
const HIGHEST_PORT = 65_535
const ADDRESS = /^[^\s,]+:\d{1,5}$/

export const USAGE = `npm start -- [options]

Starts two workers, an origin and a log on this machine, and prints a tour of a minute.

  --check      take the tour, print what each step saw, and end: 0 when all was as foretold, else 1
  --colo       not the tour: isolates that poll the log for themselves beside isolates that share one tail, and what
               either asks of the log, counted live; ends after half a minute
  --port <n>   the first of ${PORTS} ports in a row; 0 for any that are free
               (default ${DEFAULT_PORT}, and others where those are taken)
  --brokers <host:port[,…]>
               keep the log in this Kafka instead of in memory: in its topic cache-evictions, which is made
               where there is none
  --help       this text
`

export interface DemoOptions {
  readonly mode: 'start' | 'check' | 'colo' | 'help'
  readonly firstPort: number
  /** Whether the ports were chosen by the user, so that no others will do. */
  readonly chosen: boolean
  /** `host:port` of brokers. The log is in memory when absent. */
  readonly brokers?: readonly string[]
}

/**
 * @throws StartError when an option is unknown or wrong; its message is for the user.
 */
export function readOptions(args: readonly string[]): DemoOptions {
  const { check, colo, help, port, brokers: list } = parsed(args)
  const firstPort = port === undefined ? DEFAULT_PORT : Number(port)
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && firstPort + PORTS - 1 <= HIGHEST_PORT)) {
    throw new StartError(
      `\`--port\` must be a number from 0 to ${HIGHEST_PORT - PORTS + 1}, got ${JSON.stringify(port)}`,
    )
  }
  if (check && colo) throw new StartError('`--check` is for the tour: leave out `--check` or `--colo`')
  const brokers = list?.split(',').map((broker) => broker.trim())
  if (brokers !== undefined && !brokers.every((broker) => ADDRESS.test(broker))) {
    throw new StartError(
      `\`--brokers\` must be host:port, or several with commas, got ${JSON.stringify(list)}`,
    )
  }
  return {
    mode: help ? 'help' : colo ? 'colo' : check ? 'check' : 'start',
    firstPort,
    chosen: port !== undefined,
    ...(brokers && { brokers }),
  }
}

interface Values {
  readonly check: boolean
  readonly colo: boolean
  readonly help: boolean
  readonly port: string | undefined
  readonly brokers: string | undefined
}

function parsed(args: readonly string[]): Values {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: {
        check: { type: 'boolean', default: false },
        colo: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        port: { type: 'string', short: 'p' },
        brokers: { type: 'string' },
      },
    })
    return {
      check: values.check,
      colo: values.colo,
      help: values.help,
      port: values.port,
      brokers: values.brokers,
    }
  } catch (cause) {
    throw new StartError(`${messageOf(cause)}\n\n${USAGE}`, { cause })
  }
}
