import { orAborted, sharedFreshByKey } from '../base/coalesce.ts'
import { labelsIdentity } from '../base/hashes.ts'
import { isObject, listAt, textMap } from '../base/json.ts'
import type { AlertState, AlertStates, Suppressed } from '../domain/guard.ts'
import type { HttpResponse } from '../outgoing/http-client.ts'
import { firstLineOf } from './first-line.ts'
import { type SourceAccess, sourceAsking } from './source-http.ts'

/** The alerts of one name that Alertmanager knows; or why it cannot be asked. */
type Listed = { readonly kind: 'alerts'; readonly byIdentity: ReadonlyMap<string, KnownAlert> } | Unreachable
type Unreachable = Extract<AlertState, { readonly kind: 'unreachable' }>

interface KnownAlert extends Suppressed {
  readonly labels: Readonly<Record<string, string>>
}

/** Alertmanager answers out of its memory. */
const DEFAULT_TIMEOUT_MS = 5_000

/**
 * Asks Alertmanager's API v2 about one alert: silenced, inhibited, or neither (facts A.7). It asks by the alert's name alone and
 * compares the labels here, because a filter is text that Alertmanager parses, and not every value survives that. Many alerts may
 * have one name, so those who ask for the same name share the answer.
 */
export function alertmanagerStates(access: SourceAccess): AlertStates {
  const askSource = sourceAsking(access, DEFAULT_TIMEOUT_MS)
  const ask = sharedFreshByKey<Listed>()

  async function list(name: string): Promise<Listed> {
    // Its labels are compared: one that happens to be a known password must stay what it is.
    const result = await askSource({
      method: 'GET',
      path: `/api/v2/alerts?${new URLSearchParams({ filter: filterOf(name) }).toString()}`,
      exact: true
    })
    if (result.kind === 'failed') return { kind: 'unreachable', detail: result.detail }
    const alerts = result.status === 200 ? readAlerts(result.body) : undefined
    if (alerts === undefined)
      return { kind: 'unreachable', detail: `answered ${result.status} with no list of alerts that can be read${saidBy(result)}` }
    return { kind: 'alerts', byIdentity: new Map(alerts.map(alert => [labelsIdentity(alert.labels), alert])) }
  }

  return {
    async stateOf(labels, signal): Promise<AlertState> {
      const name = labels['alertname'] ?? ''
      const listed = await orAborted(
        ask(name, () => list(name)),
        signal
      ).catch((cause: unknown): Listed => {
        if (!signal.aborted) throw cause
        return { kind: 'unreachable', detail: 'the answer did not come in time' }
      })
      return listed.kind === 'alerts' ? stateIn(listed.byIdentity, labels) : listed
    }
  }
}

/** What an error says. A body of a success may hold labels, and is not told. */
function saidBy({ status, body }: HttpResponse): string {
  const said = status >= 400 ? firstLineOf(body) : ''
  return said === '' ? '' : `: ${said}`
}

function stateIn(byIdentity: ReadonlyMap<string, KnownAlert>, labels: Readonly<Record<string, string>>): AlertState {
  const found = byIdentity.get(labelsIdentity(labels))
  if (found !== undefined) return { kind: 'known', silencedBy: found.silencedBy, inhibitedBy: found.inhibitedBy }
  // Whoever sends on an alert may add labels to it, and whoever forges one may do so to get past a silence.
  const lesser = [...byIdentity.values()].filter(alert => Object.entries(alert.labels).every(([name, value]) => labels[name] === value))
  if (lesser.length === 0) return { kind: 'absent' }
  const of = (key: keyof Suppressed): readonly string[] => [...new Set(lesser.flatMap(alert => alert[key]))]
  return { kind: 'absent', lesser: { silencedBy: of('silencedBy'), inhibitedBy: of('inhibitedBy') } }
}

/** A character that means the same in every parser of matchers, and that stands for itself in a regular expression, or for more. */
const PLAIN = /^[\w .:/-]$/

/**
 * Any other character is left open: the older parser knows no escape for a tab, and the labels are compared here anyway. Neither
 * braces around it nor quotes around `alertname` are understood everywhere (prometheus/alertmanager#2812, grafana/grafana#96735).
 */
function filterOf(name: string): string {
  const characters = [...name]
  return characters.every(character => PLAIN.test(character))
    ? `alertname="${name}"`
    : `alertname=~"${characters.map(character => (PLAIN.test(character) ? character : '(?s:.)')).join('')}"`
}

/** Undefined where anything in it is not as it should be: an alert that cannot be read may be the one that is silenced. */
function readAlerts(body: string): readonly KnownAlert[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!Array.isArray(parsed)) return undefined
  const alerts = parsed.flatMap(one => readAlert(one) ?? [])
  return alerts.length === parsed.length ? alerts : undefined
}

function readAlert(alert: unknown): KnownAlert | undefined {
  if (!isObject(alert) || !isObject(alert['labels']) || !isObject(alert['status'])) return undefined
  const { labels, status } = alert
  const { silencedBy, inhibitedBy } = status
  if (!Object.values(labels).every(value => typeof value === 'string')) return undefined
  // Go writes an empty list as null where nobody made it.
  if (![silencedBy, inhibitedBy].every(ids => ids === null || Array.isArray(ids))) return undefined
  return {
    labels: textMap(labels),
    silencedBy: listAt(status, 'silencedBy').map(String),
    inhibitedBy: listAt(status, 'inhibitedBy').map(String)
  }
}
