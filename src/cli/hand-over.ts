import type { Command } from 'commander'
import { type ClientFlags, createApiClient } from './client.ts'
import { clientOptions, printRun } from './runs.ts'
import type { Terminal } from './terminal.ts'

type Flags = ClientFlags & { readonly json?: boolean; readonly reason?: string; readonly stopWatching?: boolean }

/** Adds `hand-over`: whoever calls it has the affair of the run from then on. */
export function handOverCommand(program: Command, terminal: Terminal): void {
  clientOptions(
    program
      .command('hand-over')
      .description('take over what a run is about: Astern writes nothing more for it')
      .argument('<id>', 'a run’s id')
      .option('--reason <text>', 'why; for the audit log')
      .option('--stop-watching', 'Astern also stops looking whether what it wrote helps')
  )
    .addHelpText(
      'after',
      '\nExit codes: 0 you have it, 2 somebody else has it, or it is over, or usage, 4 unreachable.\n\nExample:\n  astern hand-over 0mi8k2x… --reason "I look at the database"'
    )
    .action(async (id: string, { json, reason, stopWatching, ...flags }: Flags) => {
      const { body } = await createApiClient(flags).call('POST', `/api/v1/runs/${encodeURIComponent(id)}/hand-over`, {
        ...(reason === undefined ? {} : { reason }),
        ...(stopWatching === true ? { stopWatching } : {})
      })
      if (json === true) return terminal.line(JSON.stringify(body))
      terminal.line(terminal.good('you have it: Astern writes nothing more for it'))
      printRun(terminal, { ...body, timeline: [] })
    })
}
