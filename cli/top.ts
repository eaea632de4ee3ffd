/** `kedge top`: what processes do, in a terminal, looked at once a second. @module */
import type { Command } from 'commander'
import { eitherSignal } from '../src/runtime/abort.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { EXIT, UsageError } from './failure.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import { interval, live, liveCredential, TOP_SETTINGS } from './settings/top.ts'
import { addressOf } from './top/address.ts'
import { EvictionStream } from './top/eviction-stream.ts'
import { pageOf, ProcessBlock } from './top/page.ts'
import { snapshotOf } from './top/snapshot.ts'
import { painted, Viewer } from './top/viewer.ts'
import { WatchedProcess } from './top/watched-process.ts'
import { authorizationOf } from './ui/authorization.ts'

const MAX_PROCESSES = 20
const DEADLINE_MS = 2000
/** Where the output is no terminal. */
const COLUMNS = 100

const AFTER = `
An address is that of the process's --listen: a port of this machine, host:port, or a URL. Keys: q or Ctrl-C quits, arrows, space, g and G move.
Where the output is no terminal it prints once. Exit code 1 where it prints once and a process does not answer.`

interface Flags {
  readonly once?: boolean
}

export function topCommand(session: Session, done: Done): Command {
  return command('top', 'Shows what processes do, in a terminal.', TOP_SETTINGS)
    .argument('<addresses...>', 'where the processes serve their health and metrics')
    .option('--once', 'print once, without colours where the output is no terminal')
    .addHelpText('after', AFTER)
    .action(async (addresses: string[], flags: Flags, from: Command) => {
      const values = await resolveSettings(from, TOP_SETTINGS, session)
      if (addresses.length > MAX_PROCESSES)
        throw new UsageError(`top takes ${MAX_PROCESSES} addresses at most`)
      const looked = new Looked(
        addresses.map((each) => addressOf(each)),
        session,
      )
      if (flags.once !== true && session.screen) {
        await looked.live(values.get(interval), liveOf(values))
        done(EXIT.ok)
      } else done((await looked.once()) ? EXIT.ok : EXIT.failed)
    })
}

/** The page that shows evictions as they come. */
interface Live {
  readonly address: string
  readonly authorization: string | undefined
}

function liveOf(values: ResolvedSettings): Live | undefined {
  const [address, credential] = [values.get(live), values.get(liveCredential)]
  if (address === undefined) return undefined
  return {
    address: addressOf(address, '--live takes the address of a process with a live page'),
    authorization: credential === undefined ? undefined : authorizationOf(credential),
  }
}

class Looked {
  readonly #session: Session
  readonly #processes: readonly WatchedProcess[]
  readonly #blocks: readonly ProcessBlock[]

  constructor(addresses: readonly string[], session: Session) {
    this.#session = session
    this.#processes = addresses.map((address) => new WatchedProcess(address))
    this.#blocks = this.#processes.map((each) => new ProcessBlock(each))
  }

  /** Resolves with whether all have answered. */
  async once(): Promise<boolean> {
    const { terminal, stop } = this.#session
    await this.#look(stop)
    const columns = this.#session.screen?.size().columns ?? COLUMNS
    for (const line of pageOf(this.#blocks, columns)) terminal.say(painted(line, terminal))
    return this.#blocks.every(({ answers }) => answers)
  }

  /** Until a key or a signal ends it. */
  async live(everyMs: number, told: Live | undefined): Promise<void> {
    const { terminal, runtime, screen, stop } = this.#session
    const evictions = told && this.#streamOf(told, () => viewer.draw())
    const viewer = new Viewer(screen!, terminal, {
      blocks: this.#blocks,
      now: () => runtime.now(),
      evictions,
    })
    await viewer.during(async (quits) => {
      const over = new AbortController()
      const ends = eitherSignal(quits, stop, over.signal)
      const following = evictions?.follow(ends.signal)
      try {
        for (;;) {
          const began = runtime.monotonic()
          await this.#look(ends.signal)
          viewer.draw()
          await runtime.sleep(Math.max(0, everyMs - (runtime.monotonic() - began)), ends.signal)
        }
      } catch (error) {
        if (!ends.signal.aborted) throw error
      } finally {
        over.abort()
        ends.done()
        await following
      }
    })
  }

  #streamOf({ address, authorization }: Live, onChange: () => void): EvictionStream {
    const { fetch, runtime } = this.#session
    return new EvictionStream({ address, authorization, fetch, runtime, onChange })
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { fetch, runtime } = this.#session
    const monotonic = () => runtime.monotonic()
    const asking = { fetch, signal, monotonic, deadlineMs: DEADLINE_MS }
    const snapshots = await Promise.all(this.#processes.map(({ address }) => snapshotOf(address, asking)))
    for (const [at, snapshot] of snapshots.entries()) {
      this.#processes[at]!.see(snapshot)
      this.#blocks[at]!.at(runtime.now())
      this.#blocks[at]!.refresh()
    }
  }
}
