/** `kedge`: the command line. @module */
import { Command, CommanderError } from 'commander'
import { doctorCommand } from './doctor.ts'
import { evictCommand } from './evict.ts'
import { EXIT, sentence, UsageError } from './failure.ts'
import { gatewayCommand } from './gateway.ts'
import { getCommand } from './get.ts'
import { loaderCommand } from './loader.ts'
import { persisterCommand } from './persister.ts'
import { serveCommand } from './serve.ts'
import type { Session } from './session.ts'
import { syncCommand } from './sync.ts'
import { tailCommand } from './tail.ts'
import type { Sink } from './terminal.ts'
import { Terminal } from './terminal.ts'
import { topicsCommand } from './topics.ts'

export interface Process extends Omit<Session, 'terminal'> {
  /** Without the names of the interpreter and the program. */
  readonly args: readonly string[]
  readonly out: Sink
  readonly err: Sink
  /** Of this package. */
  readonly version: string
}

const AFTER = `
Settings are taken from flags, from the environment (KEDGE_…), and from kedge.config.json; in that order.
Exit codes: 0 all is well, 1 a problem was found or something failed, 2 wrong usage.`

/** Runs one command. The exit code; never rejects. */
export async function run({ args, out, err, version, ...rest }: Process): Promise<number> {
  const terminal = new Terminal(out, err)
  const session: Session = { ...rest, terminal }
  let code: number = EXIT.ok
  const done = (result: number) => {
    code = result
  }
  const program = new Command('kedge')
    .description('A distributed cache whose invalidation log is Kafka: gateway and tools.')
    .version(version)
    // Else `kedge evict … --version 3` would ask for the version of this package.
    .enablePositionalOptions()
    .addHelpText('after', AFTER)
  for (const make of [
    gatewayCommand,
    serveCommand,
    topicsCommand,
    doctorCommand,
    tailCommand,
    getCommand,
    evictCommand,
    loaderCommand,
    persisterCommand,
    syncCommand,
  ])
    program.addCommand(make(session, done))
  settle(program, out, err)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return failed(error, terminal, session.stop)
  }
}

function failed(error: unknown, terminal: Terminal, stop: AbortSignal): number {
  // Help that was asked for is no error; help that is shown because no command was named is one.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  terminal.warn(`kedge: ${stop.aborted ? 'interrupted' : sentence(error)}`)
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
}

/** Commander speaks through our own sinks, throws instead of ending the process, and quotes no value of a flag. */
function settle(command: Command, out: Sink, err: Sink): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => out.write(text),
    writeErr: (text) => err.write(text),
    outputError: (text, write) => write(`kedge: ${text.replace(/^error: /, '').replace(/=[^']*'/, "=…'")}`),
  })
  command.allowExcessArguments(false)
  for (const each of command.commands) settle(each, out, err)
}
