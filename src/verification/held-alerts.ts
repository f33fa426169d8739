import { listAt, textAt, textMap } from '../base/json.ts'
import type { HeldAlert } from '../domain/rule-group.ts'
import { quoteRegex } from '../templates/promql.ts'
import { type SourceAccess, sourceAsking } from './source-http.ts'

const DEFAULT_TIMEOUT_MS = 5_000

/** The alerts that fire for a receiver of Alertmanager, and that nothing keeps from it; or why they cannot be read. */
export type HeldAlerts = (receiver: string, signal: AbortSignal) => Promise<readonly HeldAlert[] | { readonly problem: string }>

/** Asks for groups, because the list of alerts does not say which ones a time interval mutes (facts A.7). */
export function alertmanagerHeld(access: SourceAccess): HeldAlerts {
  const ask = sourceAsking(access, DEFAULT_TIMEOUT_MS)
  return async (receiver, signal) => {
    const filter = { receiver: quoteRegex(receiver), active: 'true', silenced: 'false', inhibited: 'false', muted: 'false' }
    // Labels are compared, so that one that happens to be a known password must stay what it is.
    const path = `/api/v2/alerts/groups?${new URLSearchParams(filter).toString()}`
    const result = await ask({ method: 'GET', path, exact: true }, signal)
    if (result.kind === 'failed') return { problem: result.detail }
    const groups = result.status === 200 ? parsed(result.body) : undefined
    if (groups === undefined) return { problem: `answered ${result.status} with no list of groups that can be read` }
    return groups
      .filter(group => textAt(group, 'receiver', 'name') === receiver)
      .flatMap(group => listAt(group, 'alerts'))
      .filter(alert => textAt(alert, 'status', 'state') === 'active' && listAt(alert, 'status', 'mutedBy').length === 0)
      .map(alert => ({ labels: textMap(labelsOf(alert)) }))
  }
}

function labelsOf(alert: unknown): unknown {
  return typeof alert === 'object' && alert !== null && 'labels' in alert ? alert.labels : undefined
}

function parsed(body: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
