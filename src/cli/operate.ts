import type { Command } from 'commander'
import { listAt, numberAt, objectAt, textAt } from '../base/json.ts'
import { type ClientFlags, createApiClient } from './client.ts'
import { CommandError, EXIT } from './exit.ts'
import { labelsOf } from './labels.ts'
import { clientOptions } from './runs.ts'
import { plain, type Terminal, table } from './terminal.ts'

type Flags = ClientFlags & { readonly json?: boolean }

/** Adds the commands of an operator: `status`, `pause`, `resume` and `explain`. */
export function operateCommands(program: Command, terminal: Terminal): void {
  clientOptions(program.command('status').description('sources, cluster, ledger, switch, storm, how far Astern sees, heartbeat')).action(
    async (flags: Flags) => {
      const { body } = await createApiClient(flags).call('GET', '/api/v1/status')
      if (flags.json === true) return terminal.line(JSON.stringify(body))
      const mark = (good: boolean): string => (good ? terminal.good('✓') : terminal.bad('✗'))
      const cluster = objectAt(body, 'cluster')
      const rows = [
        ['', 'mode', plain(body['mode'])],
        [
          mark(textAt(body, 'switch', 'mode') === 'auto'),
          'switch',
          `${plain(textAt(body, 'switch', 'mode'))} (${plain(textAt(body, 'switch', 'by'))}: ${plain(textAt(body, 'switch', 'reason'))})`
        ],
        [
          mark(body['storm'] === null),
          'storm',
          body['storm'] === null
            ? 'none'
            : `${numberAt(body, 'storm', 'count') ?? 0} targets until ${plain(textAt(body, 'storm', 'calmAt'))}`
        ],
        [mark(body['ledger'] === 'takes writes'), 'ledger', plain(body['ledger'])],
        [
          mark(cluster['reachable'] === true),
          'cluster',
          `${plain(cluster['detail'])} at ${plain(cluster['server'])}, clock ${plain(cluster['clockOffsetMs'])} ms off`
        ],
        ...watchRows(listAt(cluster, 'watches'), mark),
        ...Object.entries(objectAt(body, 'sources')).map(([name, source]) => [
          mark(objectAt(source)['reachable'] === true),
          name,
          `${plain(objectAt(source)['detail'] ?? 'not configured')}, breaker ${plain(objectAt(source)['breaker'] ?? '-')}, clock ${plain(objectAt(source)['clockOffsetMs'] ?? 0)} ms off`
        ]),
        ...sightRows(listAt(body, 'sight'), mark),
        ...heartbeatRows(body['heartbeat'], mark),
        ['', 'policies', `${plain(objectAt(body, 'policies')['count'])} (${plain(objectAt(body, 'policies')['version'])})`],
        [
          '',
          'runs',
          Object.entries(objectAt(body, 'runs'))
            .map(([state, count]) => `${state} ${String(count)}`)
            .join(', ') || 'none'
        ],
        [mark(body['undelivered'] === 0), 'messages', `${plain(body['undelivered'])} not delivered`],
        ...answersRows(listAt(body, 'answers'), mark),
        ...listAt(body, 'borrowed').map(loan => [
          '',
          'borrowed',
          `${plain(textAt(loan, 'target'))}: ${plain(textAt(loan, 'what'))} (${textAt(loan, 'kind') === 'return' ? 'at the latest' : 'next reminder'} ${plain(textAt(loan, 'nextAt'))})`
        ])
      ]
      for (const line of table(rows)) terminal.line(line)
    }
  )

  const throwSwitch = async (mode: 'off' | 'auto', flags: Flags & { readonly reason?: string }, otherwise: string): Promise<void> => {
    const { body } = await createApiClient(flags).call('PUT', '/api/v1/switch', { mode, reason: flags.reason ?? otherwise })
    terminal.line(flags.json === true ? JSON.stringify(body) : `the switch is at ${plain(body['mode'])}`)
  }
  clientOptions(
    program
      .command('pause')
      .description('throw the switch: everything is decided and audited, nothing is written')
      .option('--reason <text>', 'why; for the audit log')
  ).action((flags: Flags & { readonly reason?: string }) => throwSwitch('off', flags, 'paused from the command line'))
  clientOptions(
    program.command('resume').description('put the switch back to auto: no restriction').option('--reason <text>', 'why; for the audit log')
  ).action((flags: Flags & { readonly reason?: string }) => throwSwitch('auto', flags, 'resumed from the command line'))

  clientOptions(
    program
      .command('explain')
      .description('which policy an alert would match, and what each other one lacks')
      .argument('<label=value...>', 'the alert’s labels')
  )
    .addHelpText('after', '\nExample:\n  astern explain alertname=ApiHighErrorRate severity=critical namespace=shop')
    .action(async (pairs: readonly string[], flags: Flags) => {
      const labels = labelsOf(pairs)
      const { body } = await createApiClient(flags).call('POST', '/api/v1/policies/explain', { labels })
      if (flags.json === true) return terminal.line(JSON.stringify(body))
      for (const policy of listAt(body, 'policies')) {
        const name = plain(textAt(policy, 'policy'))
        if (objectAt(policy)['matches'] === true)
          terminal.line(
            `${terminal.good('✓')} ${name}${name === body['match'] ? terminal.bold('  ← this one') : terminal.dim('  (an earlier one matches)')}`
          )
        else
          terminal.line(
            `${terminal.bad('✗')} ${name}  ${listAt(policy, 'lacks')
              .map(
                lack =>
                  `${plain(textAt(lack, 'matcher'))}${textAt(lack, 'actual') === undefined ? ' (no such label)' : ` (is ${plain(textAt(lack, 'actual'))})`}`
              )
              .join(', ')}`
          )
      }
      if (body['match'] === null) throw new CommandError(EXIT.bad, 'no policy matches')
    })
}

/** One row for all watches that see, and one for each that does not. */
function watchRows(watches: readonly unknown[], mark: (good: boolean) => string): readonly string[][] {
  const named = (watch: unknown): string => plain(`${textAt(watch, 'kind') ?? ''}s in ${textAt(watch, 'namespace') ?? 'all namespaces'}`)
  const sees = (watch: unknown): boolean => objectAt(watch)['sees'] === true
  const seeing = watches.filter(sees)
  return [
    ...(seeing.length === 0 ? [] : [[mark(true), 'watching', seeing.map(named).join(', ')]]),
    ...watches
      .filter(watch => !sees(watch))
      .map(watch => [
        mark(false),
        'blind',
        `${named(watch)}: ${plain(textAt(watch, 'state'))} since ${plain(textAt(watch, 'since'))}${textAt(watch, 'detail') === '' ? '' : `: ${plain(textAt(watch, 'detail'))}`}`
      ])
  ]
}

/** How people's answers reach Astern, a line for each channel in which they can answer. */
function answersRows(answers: readonly unknown[], mark: (good: boolean) => string): readonly (readonly string[])[] {
  return answers.map(one => {
    const { channel, way, connected, since, detail } = objectAt(one)
    if (way !== 'socket') return ['', 'answers', `${plain(channel)}: Slack calls POST /webhooks/slack/${plain(channel)}`]
    const how = connected === true ? 'connected' : `not connected: ${plain(detail)}`
    return [mark(connected === true), 'answers', `${plain(channel)}: ${how}, since ${plain(since)}`]
  })
}

/** How the outward heartbeat stands, where there is one. */
function heartbeatRows(heartbeat: unknown, mark: (good: boolean) => string): readonly string[][] {
  const { result, detail, at } = objectAt(heartbeat)
  if (result === undefined) return []
  const when = typeof at === 'string' ? ` at ${plain(at)}` : ''
  return [
    [mark(result === 'sent' || result === 'not yet'), 'heartbeat', `${plain(result)}${when}${detail === '' ? '' : `: ${plain(detail)}`}`]
  ]
}

/** One row for each way in which Astern may be blind, but for those that nobody asks for. */
function sightRows(sights: readonly unknown[], mark: (good: boolean) => string): readonly string[][] {
  return sights
    .filter(sight => textAt(sight, 'state') !== 'off')
    .map(sight => {
      const state = textAt(sight, 'state')
      const since = textAt(sight, 'since')
      return [
        state === 'unknown' ? '?' : mark(state === 'sees'),
        plain(textAt(sight, 'kind')),
        `${plain(state)}${since === undefined ? '' : ` since ${plain(since)}`}: ${plain(textAt(sight, 'detail'))}`
      ]
    })
}
