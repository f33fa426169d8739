import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { at, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { parseTargetKey } from '../domain/objects.ts'
import { type ClientFlags, createApiClient } from './client.ts'
import { CommandError, EXIT } from './exit.ts'
import { plain, type Terminal, table } from './terminal.ts'
import { seenWords, timelineLine } from './timeline.ts'

type Flags = ClientFlags & { readonly json?: boolean }

/** Options of every command that talks to a server. */
export function clientOptions(command: Command): Command {
  return command
    .option('--server <url>', 'Astern’s address (ASTERN_SERVER; default http://127.0.0.1:8080)')
    .option('--token-file <file>', 'file with the token (ASTERN_TOKEN_FILE)')
    .option('--ca <file>', 'CA certificate of the server')
    .option('--json', 'print JSON')
}

export function runsCommand(program: Command, terminal: Terminal): void {
  clientOptions(
    program
      .command('runs')
      .description('list runs, or show one with its timeline')
      .argument('[id]', 'a run’s id')
      .option('--state <state>', 'waiting, executing, watching, ended')
      .option('--outcome <outcome>', 'recovered, denied, …')
      .option('--policy <name>', 'of this policy')
      .option('--limit <n>', 'at most so many', '20')
  )
    .addHelpText('after', '\nExamples:\n  astern runs --outcome denied\n  astern runs 0mi8k2x…')
    .action(
      async (
        id: string | undefined,
        flags: Flags & { readonly state?: string; readonly outcome?: string; readonly policy?: string; readonly limit: string }
      ) => {
        const client = createApiClient(flags)
        if (id !== undefined) {
          const { body } = await client.call('GET', `/api/v1/runs/${encodeURIComponent(id)}`)
          return flags.json === true ? terminal.line(JSON.stringify(body)) : printRun(terminal, body)
        }
        const query = new URLSearchParams({ limit: flags.limit })
        for (const key of ['state', 'outcome', 'policy'] as const) if (flags[key] !== undefined) query.set(key, flags[key])
        const { body } = await client.call('GET', `/api/v1/runs?${query.toString()}`)
        if (flags.json === true) return terminal.line(JSON.stringify(body))
        const items = listAt(body, 'items')
        if (items.length === 0) return terminal.line('no runs')
        const rows = items.map(item => [
          plain(textAt(item, 'id')),
          plain(textAt(item, 'createdAt')),
          plain(textAt(item, 'policy')),
          plain(textAt(item, 'target')),
          plain(textAt(item, 'outcome') ?? textAt(item, 'state')),
          plain(textAt(item, 'reason'))
        ])
        for (const line of table([['ID', 'CREATED', 'POLICY', 'TARGET', 'OUTCOME', 'REASON'], ...rows])) terminal.line(line)
      }
    )
}

export function printRun(terminal: Terminal, run: JsonObject): void {
  const outcome = textAt(run, 'outcome') ?? textAt(run, 'state') ?? ''
  const paint = outcome === 'recovered' ? terminal.good : outcome === 'dry-run' || outcome === 'resolved' ? terminal.dim : terminal.warn
  terminal.line(
    `${terminal.bold(plain(run['target'] ?? 'no target'))}  ${paint(outcome)}${run['reason'] === undefined ? '' : ` (${plain(run['reason'])})`}`
  )
  if (run['sentence'] !== undefined) terminal.line(plain(run['sentence']))
  if (run['detail'] !== undefined) terminal.line(plain(run['detail']))
  const since = textAt(run, 'symptom', 'since')
  if (since !== undefined)
    terminal.line(
      terminal.dim(
        `symptom since ${plain(since)}${at(run, 'symptom', 'orBefore') === true ? ' or before' : ''}, by ${listAt(run, 'symptom', 'queries').map(plain).join(', ')}; their own lag is not subtracted`
      )
    )
  const by = textAt(run, 'trigger', 'by')
  if (by !== undefined) terminal.line(terminal.dim(`asked for by ${plain(by)}`))
  terminal.line()
  for (const row of listAt(run, 'timeline')) terminal.line(timelineLine(terminal, row))
}

export function dryRunCommand(program: Command, terminal: Terminal): void {
  clientOptions(
    program
      .command('dry-run')
      .description('what would Astern do, and why (not)? Nothing is written')
      .argument('[alert]', 'file with an alert {"labels": …}; - reads standard input')
      .option('--policy <name>', 'instead of an alert: this policy …')
      .option('--target <kind/namespace/name>', '… on this target')
  )
    .addHelpText(
      'after',
      '\nExit codes: 0 Astern would act, 3 it would not (the reason is told), 4 unreachable.\n\nExamples:\n  astern dry-run alert.json\n  astern dry-run --policy api-5xx-after-deploy --target Deployment/shop/api'
    )
    .action(async (file: string | undefined, flags: Flags & { readonly policy?: string; readonly target?: string }) => {
      const { status, body } = await createApiClient(flags).call('POST', '/api/v1/dry-runs', requestBody(file, flags))
      if (flags.json === true) terminal.line(JSON.stringify(body))
      else if (status === 202) terminal.line(`it samples for longer than 20 s: see \`astern runs ${plain(body['id'])}\``)
      else printDecision(terminal, body)
      if (status === 200 && body['outcome'] !== 'dry-run') throw new CommandError(EXIT.inconclusive, '')
    })
}

export function requestBody(file: string | undefined, flags: { readonly policy?: string; readonly target?: string }): unknown {
  if (file === undefined) {
    if (flags.policy === undefined || flags.target === undefined)
      throw new CommandError(EXIT.usage, 'give a file with an alert, or --policy and --target')
    const target = parseTargetKey(flags.target)
    if (target === undefined)
      throw new CommandError(EXIT.usage, `--target ${flags.target}: must be Kind/namespace/name, such as Deployment/shop/api`)
    return { policy: flags.policy, target }
  }
  try {
    const parsed: unknown = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'))
    const inner = objectAt(parsed, 'alert')
    return { alert: Object.keys(inner).length > 0 ? inner : parsed }
  } catch (cause) {
    throw new CommandError(EXIT.usage, `${file} cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause
    })
  }
}

function printDecision(terminal: Terminal, answer: JsonObject): void {
  for (const stage of listAt(answer, 'stages')) {
    const stopped = objectAt(stage, 'stopped')
    const mark = stopped['reason'] === undefined ? terminal.good('✓') : terminal.bad('✗')
    terminal.line(
      `${mark} ${plain(textAt(stage, 'stage')).padEnd(10)} ${terminal.dim(`${plain(objectAt(stage)['ms'])} ms`)}${stopped['reason'] === undefined ? '' : `  ${plain(stopped['reason'])}: ${plain(stopped['detail'])}`}`
    )
  }
  terminal.line()
  terminal.line(
    `${answer['outcome'] === 'dry-run' ? terminal.good('would act') : terminal.warn('would not act')}: ${plain(answer['reason'])} · ${plain(answer['detail'])}`
  )
  const reverse = textAt(answer, 'facts', 'plan', 'reverse')
  if (reverse !== undefined) terminal.line(`to undo it: ${plain(reverse)}`)
  for (const words of seenWords(answer['facts'])) terminal.line(words)
  terminal.line(terminal.dim(`run ${plain(answer['id'])}`))
}
