import { Command, CommanderError } from 'commander'
import { VERSION } from '../app/version.ts'
import { ConfigError } from '../config.ts'
import { auditCommand } from './audit.ts'
import { channelsCommand } from './channels.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { CommandError, EXIT } from './exit.ts'
import { guardCommand } from './guard/command.ts'
import { handOverCommand } from './hand-over.ts'
import { operateCommands } from './operate.ts'
import { runCommand } from './run.ts'
import { dryRunCommand, runsCommand } from './runs.ts'
import { serveCommand } from './serve.ts'
import { createTerminal, type Terminal } from './terminal.ts'
import { tokenCommand } from './token.ts'
import { validateCommand } from './validate.ts'

/** Makes every command with its flags. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('astern')
    .description(
      'Alert remediation that proves it is safe: one exact, reversible, pre-conditioned write, and an audit trail of every decision.'
    )
    .version(VERSION)
    .showSuggestionAfterError()
    .showHelpAfterError('(astern --help shows what there is)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 as wished, 1 the checked thing is bad, 2 usage, 3 inconclusive, 4 unreachable, 5 bad and not rolled back, 6 superseded.\n\nStart here:\n  astern demo                 # watch it undo a bad rollout\n  astern validate             # check ./policies.yaml\n  astern serve                # dry-run on loopback'
    )
  serveCommand(program, terminal)
  validateCommand(program, terminal)
  operateCommands(program, terminal)
  dryRunCommand(program, terminal)
  runCommand(program, terminal)
  runsCommand(program, terminal)
  handOverCommand(program, terminal)
  guardCommand(program, terminal)
  tokenCommand(program, terminal)
  auditCommand(program, terminal)
  doctorCommand(program, terminal)
  channelsCommand(program, terminal)
  demoCommand(program, terminal)
  return program
}

/** Runs one command. @returns its exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const terminal = createTerminal()
  const program = createProgram(terminal)
  try {
    await program.parseAsync(argv)
    return EXIT.ok
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (cause instanceof CommandError || cause instanceof ConfigError) {
      if (cause.message !== '') terminal.error(`${terminal.bad('error:')} ${cause.message}`)
      return cause instanceof CommandError ? cause.code : EXIT.usage
    }
    terminal.error(`${terminal.bad('error:')} ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`)
    return EXIT.bad
  }
}
