import { type AuditView, parseAuditView } from '../api/audit-view.ts'
import { isObject, listAt, textAt } from '../base/json.ts'
import { plain, type Terminal } from './terminal.ts'

/** Formats an audit row of a server as one short line. A row that only a newer server knows is shown as it is. */
export function timelineLine(terminal: Terminal, value: unknown): string {
  const row = parseAuditView(value)
  const words = row === undefined ? [asItIs(value)] : wordsOf(row).filter(word => word !== undefined && word !== '')
  const at = (textAt(value, 'at') ?? '').slice(11, 23)
  const kind = plain(textAt(value, 'kind')).padEnd(18)
  return `${terminal.dim(at)}  ${kind} ${plain([...new Set(words)].join(' · '))}`
}

/** What a row says beyond its kind, the most telling first. */
function wordsOf(row: AuditView): readonly (string | undefined)[] {
  switch (row.kind) {
    case 'decision':
      return row.verdict === 'act'
        ? [row.plan.summary, row.verdict, ...seenWords(row)]
        : [row.reason, row.verdict, row.detail, ...seenWords(row.facts)]
    case 'intent':
      return [row.summary]
    case 'intent-withdrawn':
      return [row.reason, row.detail]
    case 'write':
    case 'fields-given-up':
    case 'loan-returned':
    case 'loan-kept':
      return [row.result, row.detail]
    case 'blindness-began':
    case 'blindness-over':
      return [row.blindness, row.detail]
    case 'guard-ended':
      return [row.result, row.detail]
    case 'guard-started':
      return [`asked for by ${row.by}`]
    case 'handed-over':
      return [`${row.by} has it`, row.stopsWatching ? 'and Astern stops watching' : undefined, row.reason]
    case 'rollout':
    case 'reminded':
      return [row.detail]
    case 'confirmation':
      return [row.verdict]
    case 'concluded':
      return [row.reason, row.outcome, row.detail]
    case 'run-started':
      return [row.policy]
    case 'delivered':
      return [row.channel]
    case 'delivery-failed':
      return [row.detail, row.channel]
    case 'switch':
      return [row.reason]
    case 'alerts-refused':
      return [row.limit, `${row.count} of source ${row.source}`]
    case 'incident-opened':
    case 'incident-reopened':
    case 'incident-resolved':
    case 'incident-expired':
    case 'no-policy-matches':
    case 'run-reopened':
    case 'on-the-way':
    case 'next-step':
    case 'told':
    case 'would-tell':
    case 'policies-loaded':
    case 'storm':
    case 'deploy-marker':
    case 'guard-judges':
      return []
  }
}

/** What the API server warned of, and what was not looked at. */
export function seenWords(facts: unknown): readonly string[] {
  const said = (name: string, words: string): readonly string[] => {
    const texts = listAt(facts, name).map(plain)
    return texts.length === 0 ? [] : [`${words}: ${texts.join(', ')}`]
  }
  return [...said('warnings', 'the API server warns'), ...said('notLookedAt', 'not looked at')]
}

function asItIs(value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value) ?? ''
  const { seq: _1, at: _2, kind: _3, run: _4, incident: _5, hash: _6, previous: _7, ...body } = value
  return JSON.stringify(body)
}
