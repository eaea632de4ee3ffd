/** `kedge`: the command line. @module */
import { Command, CommanderError } from 'commander'
import { COMMANDS } from './commands.ts'
import type { Done } from './command.ts'
import { askedLogging } from './early-logging.ts'
import { codeOf, EXIT, sentence, UsageError } from './failure.ts'
import type { Session } from './session.ts'
import type { Sink } from './terminal.ts'
import { Terminal } from './terminal.ts'

export interface Process extends Omit<Session, 'terminal' | 'args'> {
  /** The arguments without the names of the interpreter and the program. */
  readonly args: readonly string[]
  readonly out: Sink
  readonly err: Sink
  /**
   * Called where the log is of JSON: from now on what the process itself would write (an error that nothing catches, a warning
   * of Node) goes to `tell`.
   */
  readonly whenJson?: (tell: (what: 'uncaught' | 'warning', error: Error) => void) => void
}

const AFTER = `
Settings are taken from flags, from the environment (KEDGE_…), and from kedge.config.json; in that order.
Exit codes: 0 all is well, 1 a problem was found or something failed, 2 wrong usage.`

/** Runs one command. Resolves with the exit code; never rejects. */
export async function run({ args, out, err, version, whenJson, ...rest }: Process): Promise<number> {
  const terminal = new Terminal(out, err, () => whenJson?.((what, error) => tellOf(terminal, what, error)))
  const session: Session = { ...rest, version, terminal, args }
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
  if (asked !== undefined && COMMANDS[asked]?.logs && isOfTheCommand(args))
    terminal.logs({
      ...askedLogging(args, rest.env),
      command: asked,
      version,
      now: () => rest.runtime.now(),
    })
  try {
    for (const name of Object.keys(COMMANDS))
      program.addCommand(await commandOf(name, name === asked, session, done))
    settle(program, out, err, terminal)
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return failed(error, terminal, session.stop)
  }
}

/** The name of the command in the arguments: the first word, or the one after `help`. */
const askedFor = ([first, second]: readonly string[]): string | undefined =>
  first === 'help' ? second : first

/** Whether no other command is named in it, as in `gateway credentials`: those that live long take no words. */
const isOfTheCommand = ([first, second]: readonly string[]): boolean =>
  first !== 'help' && (second === undefined || second.startsWith('-'))

function tellOf(terminal: Terminal, what: 'uncaught' | 'warning', error: Error): void {
  const says = `${what === 'uncaught' ? 'unexpected error, and the process ends' : error.name}: ${sentence(error)}`
  terminal.tell(what === 'uncaught' ? 'error' : 'warn', what, says, {
    ...codeOf(error),
    ...(what === 'uncaught' && { exitCode: EXIT.failed, stack: String(error.stack) }),
  })
}

/** Loads a command in full when it runs or its help is asked; otherwise only its name. */
async function commandOf(name: string, isAsked: boolean, session: Session, done: Done): Promise<Command> {
  const { says, load } = COMMANDS[name]!
  return isAsked ? (await load())(session, done) : new Command(name).description(says)
}

function failed(error: unknown, terminal: Terminal, stop: AbortSignal): number {
  // Help is no error when the user asks for it; it is one when the user names no command.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed
  if (stop.aborted) terminal.tell('error', 'interrupted', 'kedge: interrupted', { exitCode })
  else terminal.tell('error', 'failed', `kedge: ${sentence(error)}`, { ...codeOf(error), exitCode })
  return exitCode
}

/** Commander speaks through our own sinks, throws instead of ending the process, and quotes no value of a flag. */
function settle(command: Command, out: Sink, err: Sink, terminal: Terminal, path = 'kedge'): void {
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
      const full = `kedge: ${said}; ${hint === undefined ? `see ${path} --help` : `did you mean ${hint}?`}`
      if (terminal.isJson) terminal.tell('error', 'failed', full, { exitCode: EXIT.usage })
      else write(`${full}\n`)
    },
  })
  command.allowExcessArguments(false)
  for (const each of command.commands) settle(each, out, err, terminal, `${path} ${each.name()}`)
}
