import { createHash, randomBytes } from 'node:crypto'
import { type Command, Option } from 'commander'
import { ROLES } from '../domain/credential.ts'
import { CommandError, EXIT } from './exit.ts'
import { several } from './several.ts'
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
    .option('--namespace <name>', 'where a deployer may tell of deployments, a name or a glob; several times for several', several)
    .option('--json', 'print {"token", "line"}')
    .addHelpText(
      'after',
      '\nExamples:\n  astern token create --name alertmanager --role webhook\n  astern token create --name ci-shop --role deployer --namespace shop'
    )
    .action(
      (flags: {
        readonly name: string
        readonly role: string
        readonly source?: string
        readonly alertmanager?: boolean
        readonly namespace?: readonly string[]
        readonly json?: boolean
      }) => {
        if ((flags.role === 'deployer') !== (flags.namespace !== undefined))
          throw new CommandError(
            EXIT.usage,
            'a deployer is limited to namespaces, and nobody else: --role deployer goes with --namespace NAME'
          )
        const token = `astern_${randomBytes(32).toString('base64url')}`
        const line = {
          name: flags.name,
          role: flags.role,
          sha256: createHash('sha256').update(token).digest('hex'),
          ...(flags.source === undefined ? {} : { source: flags.source }),
          ...(flags.alertmanager === true ? { alertmanager: true } : {}),
          ...(flags.namespace === undefined ? {} : { namespaces: flags.namespace })
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
