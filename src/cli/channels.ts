import type { Command } from 'commander'
import { readConfig, type ServeFlags } from '../config.ts'
import { CommandError, EXIT } from './exit.ts'
import { plain, type Terminal } from './terminal.ts'

type Flags = Pick<ServeFlags, 'policies'> & { readonly json?: boolean }

/** Adds `astern channels test`. */
export function channelsCommand(program: Command, terminal: Terminal): void {
  const channels = program.command('channels').description('the channels by which people are told')
  channels
    .command('test')
    .description('send one channel a message that says that nothing is wrong, and tell what came back')
    .argument('<name>', 'the channel’s name in the policy file')
    .option('--policies <file>', 'policy file or folder (ASTERN_POLICIES; default policies.yaml)')
    .option('--json', 'print {"channel", "kind", "detail"}')
    .addHelpText(
      'after',
      '\nExit codes: 0 the channel took it, 1 it refused it, 2 usage, 4 it cannot be reached.\n\nExamples:\n  astern channels test people\n  kubectl exec deploy/astern -- astern channels test people'
    )
    .action(async (name: string, flags: Flags) => {
      const { testChannel } = await import('../doctor/test-channel.ts')
      const result = await testChannel(readConfig(flags), name)
      if (result.kind === 'unknown') throw new CommandError(EXIT.usage, result.detail)
      const detail = 'detail' in result ? result.detail : `${result.type}: took a test message: see whether it arrived`
      if (flags.json === true) terminal.line(JSON.stringify({ channel: name, kind: result.kind, detail }))
      else if (result.kind === 'delivered') terminal.line(`${terminal.good('✓')} ${plain(name)} ${plain(detail)}`)
      if (result.kind === 'delivered') return
      const message = flags.json === true ? '' : `channel ${plain(name)}: ${plain(detail)}`
      throw new CommandError(result.kind === 'refused' ? EXIT.bad : EXIT.unreachable, message)
    })
}
