/** `kedge`: the command line. @module */
import { Command, CommanderError } from 'commander'
import { COMMANDS } from './commands.ts'
import type { Done } from './command.ts'
import { EXIT, sentence, UsageError } from './failure.ts'
import type { Session } from './session.ts'
import type { Sink } from './terminal.ts'
import { Terminal } from './terminal.ts'

export interface Process extends Omit<Session, 'terminal'> {
  /** The arguments without the names of the interpreter and the program. */
  readonly args: readonly string[]
  readonly out: Sink
  readonly err: Sink
}

const AFTER = `
Settings are taken from flags, from the environment (KEDGE_…), and from kedge.config.json; in that order.
Exit codes: 0 all is well, 1 a problem was found or something failed, 2 wrong usage.`

/** Runs one command. Resolves with the exit code; never rejects. */
export async function run({ args, out, err, version, ...rest }: Process): Promise<number> {
  const terminal = new Terminal(out, err)
  const session: Session = { ...rest, version, terminal }
  let code: number = EXIT.ok
  const done = (result: number) => {
    code = result
  }
  const program = new Command('kedge')
    .description('A distributed cache whose invalidation log is Kafka: gateway and tools.')
    .version(version)
    // Without it `kedge evict … --version 3` would print the version of this package.
    .enablePositionalOptions()
    .addHelpText('after', AFTER)
  const asked = askedFor(args)
  try {
    for (const name of Object.keys(COMMANDS))
      program.addCommand(await commandOf(name, name === asked, session, done))
    settle(program, out, err)
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return failed(error, terminal, session.stop)
  }
}

/** The name of the command in the arguments: the first word, or the one after `help`. */
const askedFor = ([first, second]: readonly string[]): string | undefined =>
  first === 'help' ? second : first

/** Loads a command in full when it runs or its help is asked; otherwise only its name. */
async function commandOf(name: string, isAsked: boolean, session: Session, done: Done): Promise<Command> {
  const { says, load } = COMMANDS[name]!
  return isAsked ? (await load())(session, done) : new Command(name).description(says)
}

function failed(error: unknown, terminal: Terminal, stop: AbortSignal): number {
  // Help is no error when the user asks for it; it is one when the user names no command.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  terminal.warn(`kedge: ${stop.aborted ? 'interrupted' : sentence(error)}`)
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
}

/** Commander speaks through our own sinks, throws instead of ending the process, and quotes no value of a flag. */
function settle(command: Command, out: Sink, err: Sink, path = 'kedge'): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => out.write(text),
    writeErr: (text) => err.write(text),
    outputError: (text, write) => {
      const line = text
        .replace(/^error: /, '')
        .replace(/=[^']*'/, "=…'")
        .trimEnd()
      const hint = /^\(Did you mean ([^\n]*)\?\)$/m.exec(line)?.[1]
      const said = line.split('\n', 1)[0]!.replace(/\.$/, '')
      write(`kedge: ${said}; ${hint === undefined ? `see ${path} --help` : `did you mean ${hint}?`}\n`)
    },
  })
  command.allowExcessArguments(false)
  for (const each of command.commands) settle(each, out, err, `${path} ${each.name()}`)
}
