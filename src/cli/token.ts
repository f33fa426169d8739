import { createHash, randomBytes } from 'node:crypto'
import { type Command, Option } from 'commander'
import { ROLES } from '../domain/credential.ts'
import type { Terminal } from './terminal.ts'

export function tokenCommand(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('make tokens')
    .command('create')
    .description('print a new token once, and the line for the tokens file')
    .requiredOption('--name <name>', 'who will use it')
    .addOption(new Option('--role <role>', 'what it may do').choices([...ROLES]).makeOptionMandatory())
    .option('--source <name>', 'incidents of tokens with one source are the same: give it to both Alertmanager peers')
    .option(
      '--alertmanager',
      'the token is for the Alertmanager that is configured as a source: it must know each alert that comes with it'
    )
    .option('--json', 'print {"token", "line"}')
    .addHelpText('after', '\nExample:\n  astern token create --name alertmanager --role webhook')
    .action(
      (flags: {
        readonly name: string
        readonly role: string
        readonly source?: string
        readonly alertmanager?: boolean
        readonly json?: boolean
      }) => {
        const token = `astern_${randomBytes(32).toString('base64url')}`
        const line = {
          name: flags.name,
          role: flags.role,
          sha256: createHash('sha256').update(token).digest('hex'),
          ...(flags.source === undefined ? {} : { source: flags.source }),
          ...(flags.alertmanager === true ? { alertmanager: true } : {})
        }
        if (flags.json === true) return terminal.line(JSON.stringify({ token, line }))
        terminal.line(token)
        terminal.line()
        terminal.line(terminal.dim('# Astern keeps only its digest. The line for the tokens file (tokens:):'))
        terminal.line(
          `  - { ${Object.entries(line)
            .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
            .join(', ')} }`
        )
      }
    )
}
