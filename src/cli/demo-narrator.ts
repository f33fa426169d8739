import type { AuditRow } from '../domain/audit.ts'
import type { AuditBodies } from '../domain/audit-bodies.ts'
import type { Sample } from '../domain/verdict.ts'
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

/** What the demo says of a row; nothing where the story goes on without it. */
function describe(row: AuditRow): Told | undefined {
  switch (row.kind) {
    case 'incident-opened': {
      const { alertname = '', namespace = '', deployment = '' } = row.body.labels
      const text = `${alertname} fires for ${namespace}/${deployment}; delivered by Alertmanager, stored before it was acknowledged`
      return { what: 'alert', text, tone: 'bad' }
    }
    case 'run-started': {
      const { policy, target } = row.body
      return {
        what: 'matched',
        text: `policy ${policy}, target ${target?.kind ?? ''} ${target?.namespace ?? ''}/${target?.name ?? ''}`,
        tone: 'plain'
      }
    }
    case 'decision':
      return decision(row.body)
    case 'intent':
      return { what: 'intent', text: `${row.body.summary} (plan ${row.body.plan}, durable before the write)`, tone: 'act' }
    case 'write':
      return { what: 'wrote', text: `${row.body.action}: accepted with its preconditions; to undo: ${row.body.reverse}`, tone: 'act' }
    case 'rollout':
      return { what: row.body.state === 'held' ? 'held up' : 'rolled out', text: row.body.detail, tone: 'plain' }
    case 'confirmation': {
      const { sample, verdict, passes, needed } = row.body
      return { what: 'confirm', text: `error ratio ${percent(sample)} → ${verdict} (${passes} of ${needed})`, tone: 'plain' }
    }
    case 'incident-resolved':
      return { what: 'resolved', text: 'Alertmanager says that the alert is gone (evidence, not proof)', tone: 'plain' }
    case 'concluded':
      return { what: row.body.outcome, text: row.body.detail, tone: row.body.outcome === 'recovered' ? 'good' : 'bad' }
    case 'told':
      return { what: 'told', text: `people, by ${row.body.channels.join(', ')}`, tone: 'bad' }
    case 'alerts-refused':
    case 'incident-reopened':
    case 'incident-expired':
    case 'no-policy-matches':
    case 'run-reopened':
    case 'intent-withdrawn':
    case 'on-the-way':
    case 'next-step':
    case 'would-tell':
    case 'delivered':
    case 'delivery-failed':
    case 'switch':
    case 'policies-loaded':
    case 'storm':
    case 'blindness-began':
    case 'blindness-over':
    case 'deploy-marker':
    case 'fields-given-up':
    case 'loan-returned':
    case 'loan-kept':
    case 'reminded':
    case 'guard-started':
    case 'guard-judges':
    case 'guard-ended':
    case 'handed-over':
      return undefined
  }
}

function decision(body: AuditBodies['decision']): Told {
  if (body.verdict === 'hold') return { what: 'waits', text: `${body.reason}: ${body.detail}`, tone: 'plain' }
  const { samples = [] } = body.verdict === 'act' ? body : (body.facts ?? {})
  const values = samples.map(percent)
  const took = body.stages.reduce((sum, { ms }) => sum + ms, 0)
  return {
    what: 'verified',
    text: `error ratio ${values.join(', ')}: fail; all guards agree; decided in ${(took / 1_000).toFixed(1)} s`,
    tone: 'plain'
  }
}

/** The demo's policy has one query. */
function percent({ queries: [query] }: Sample): string {
  return query?.value === undefined ? '?' : `${(query.value * 100).toFixed(1)} %`
}
