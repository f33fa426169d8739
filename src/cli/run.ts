import type { Command } from 'commander'
import { listAt, numberAt, textAt } from '../base/json.ts'
import { type ApiClient, type ClientFlags, createApiClient } from './client.ts'
import { CommandError, EXIT, type ExitCode } from './exit.ts'
import { clientOptions, printRun, requestBody } from './runs.ts'
import { plain, type Terminal } from './terminal.ts'
import { timelineLine } from './timeline.ts'

interface Flags extends ClientFlags {
  readonly policy?: string
  readonly target?: string
  readonly follow?: boolean
  readonly json?: boolean
}

/** How often a run that is followed is looked at, milliseconds. */
const LOOK_EVERY_MS = 1_000

/** Adds `astern run`, which really does what `dry-run` shows, through the same guards as for an alert. */
export function runCommand(program: Command, terminal: Terminal): void {
  clientOptions(
    program
      .command('run')
      .description('ask for a run: the same decision as for an alert, and the write if nothing speaks against it')
      .argument('[alert]', 'file with an alert {"labels": …}; - reads standard input')
      .option('--policy <name>', 'instead of an alert: this policy …')
      .option('--target <kind/namespace/name>', '… on this target')
      .option('--follow', 'show its timeline until it ends')
  )
    .addHelpText(
      'after',
      '\nAsked again for the same while that run is not over, it is that run.\n\nExit codes: 0 asked for; with --follow: 0 recovered or resolved, 1 written and not recovered, 3 not written; 2 usage, 4 unreachable.\n\nExamples:\n  astern run --policy api-5xx-after-deploy --target Deployment/shop/api --follow\n  astern run alert.json'
    )
    .action(async (file: string | undefined, flags: Flags) => {
      const client = createApiClient(flags)
      const { body } = await client.call('POST', '/api/v1/runs', requestBody(file, flags))
      const id = plain(body['id'])
      if (flags.follow !== true)
        return terminal.line(
          flags.json === true
            ? JSON.stringify(body)
            : `run ${id} ${body['state'] === 'under-way' ? 'is under way already' : 'is begun'}: see \`astern runs ${id}\`, or --follow`
        )
      const code = await follow(client, terminal, { id, json: flags.json === true })
      if (code !== EXIT.ok) throw new CommandError(code, '')
    })
}

async function follow(
  client: ApiClient,
  terminal: Terminal,
  { id, json }: { readonly id: string; readonly json: boolean }
): Promise<ExitCode> {
  let shown = 0
  for (;;) {
    const { body } = await client.call('GET', `/api/v1/runs/${encodeURIComponent(id)}`)
    for (const row of listAt(body, 'timeline')) {
      const seq = numberAt(row, 'seq') ?? 0
      if (seq <= shown) continue
      shown = seq
      terminal.line(json ? JSON.stringify(row) : timelineLine(terminal, row))
    }
    if (textAt(body, 'state') === 'ended') {
      if (!json) {
        terminal.line()
        printRun(terminal, { ...body, timeline: [] })
      }
      return codeOf(textAt(body, 'outcome'))
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

function codeOf(outcome: string | undefined): ExitCode {
  if (outcome === 'recovered' || outcome === 'resolved') return EXIT.ok
  return outcome === 'ineffective' || outcome === 'failed' || outcome === 'unknown' ? EXIT.bad : EXIT.inconclusive
}
