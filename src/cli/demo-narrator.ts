import { at, listAt, numberAt, textAt } from '../base/json.ts'
import type { AuditRow } from '../domain/audit.ts'
import { plain, type Terminal } from './terminal.ts'

/** Tells the demo as a timeline, each line with the seconds since the beginning. */
export interface Narrator {
  title(text: string): void
  aside(text: string): void
  did(what: string, text: string): void
  bad(what: string, text: string): void
  row(row: AuditRow): void
  check(good: boolean, text: string): void
  keep(addresses: readonly (readonly [string, string])[]): void
  line(): void
}

export function createNarrator(terminal: Terminal, now: () => number = Date.now): Narrator {
  const started = now()
  const tell = (what: string, text: string, paint: (text: string) => string, time = now()): void => {
    const seconds = `${((time - started) / 1_000).toFixed(1).padStart(5)} s`
    terminal.line(`${terminal.dim(seconds)}  ${paint(what.padEnd(10))} ${text}`)
  }
  return {
    title: text => terminal.line(terminal.bold(text)),
    aside: text => terminal.line(terminal.dim(text)),
    did: (what, text) => tell(what, text, terminal.bold),
    bad: (what, text) => tell(what, text, terminal.bad),
    line: () => terminal.line(),
    check: (good, text) => terminal.line(`${good ? terminal.good('✓') : terminal.bad('✗')} ${text}`),
    keep(addresses) {
      terminal.line()
      terminal.line('Everything keeps running; Ctrl-C ends it.')
      for (const [name, address] of addresses) terminal.line(`  ${name.padEnd(13)} ${address}`)
    },
    row(row) {
      const told = describe(row)
      if (told === undefined) return
      const paint =
        told.tone === 'good' ? terminal.good : told.tone === 'bad' ? terminal.bad : told.tone === 'act' ? terminal.warn : terminal.bold
      tell(told.what, plain(told.text), paint, row.at)
    }
  }
}

interface Told {
  readonly what: string
  readonly text: string
  readonly tone: 'plain' | 'good' | 'bad' | 'act'
}

function describe({ kind, body }: AuditRow): Told | undefined {
  switch (kind) {
    case 'incident-opened':
      return {
        what: 'alert',
        text: `${textAt(body, 'labels', 'alertname') ?? ''} fires for ${textAt(body, 'labels', 'namespace') ?? ''}/${textAt(body, 'labels', 'deployment') ?? ''}; delivered by Alertmanager, stored before it was acknowledged`,
        tone: 'bad'
      }
    case 'run-started':
      return {
        what: 'matched',
        text: `policy ${textAt(body, 'policy') ?? ''}, target ${textAt(body, 'target', 'kind') ?? ''} ${textAt(body, 'target', 'namespace') ?? ''}/${textAt(body, 'target', 'name') ?? ''}`,
        tone: 'plain'
      }
    case 'decision':
      return decision(body)
    case 'intent':
      return {
        what: 'intent',
        text: `${textAt(body, 'summary') ?? ''} (plan ${textAt(body, 'plan') ?? ''}, durable before the write)`,
        tone: 'act'
      }
    case 'write':
      return {
        what: 'wrote',
        text: `${textAt(body, 'action') ?? ''}: accepted with its preconditions; to undo: ${textAt(body, 'reverse') ?? ''}`,
        tone: 'act'
      }
    case 'rollout':
      return { what: 'rolled out', text: textAt(body, 'detail') ?? '', tone: 'plain' }
    case 'confirmation':
      return {
        what: 'confirm',
        text: `error ratio ${percent(at(body, 'sample', 'queries', 0, 'value'))} → ${textAt(body, 'verdict') ?? ''} (${String(body['passes'])} of ${String(body['needed'])})`,
        tone: 'plain'
      }
    case 'incident-resolved':
      return { what: 'resolved', text: 'Alertmanager says that the alert is gone (evidence, not proof)', tone: 'plain' }
    case 'concluded':
      return {
        what: textAt(body, 'outcome') ?? '',
        text: textAt(body, 'detail') ?? '',
        tone: textAt(body, 'outcome') === 'recovered' ? 'good' : 'bad'
      }
    case 'told':
      return { what: 'told', text: `people, by ${listAt(body, 'channels').join(', ')}`, tone: 'bad' }
    default:
      return undefined
  }
}

function decision(body: AuditRow['body']): Told {
  if (body['verdict'] === 'hold')
    return { what: 'waits', text: `${textAt(body, 'reason') ?? ''}: ${textAt(body, 'detail') ?? ''}`, tone: 'plain' }
  const values = listAt(body, 'samples').map(sample => percent(at(sample, 'queries', 0, 'value')))
  const took = listAt(body, 'stages').reduce((sum: number, stage) => sum + (numberAt(stage, 'ms') ?? 0), 0)
  return {
    what: 'verified',
    text: `error ratio ${values.join(', ')}: fail; all guards agree; decided in ${(took / 1_000).toFixed(1)} s`,
    tone: 'plain'
  }
}

function percent(value: unknown): string {
  return typeof value === 'number' ? `${(value * 100).toFixed(1)} %` : '?'
}
