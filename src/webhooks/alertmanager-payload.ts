import { isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import { linkWithin } from '../domain/alert-limits.ts'
import type { Alert } from '../domain/incident.ts'

/** What a payload says once, for all of its alerts. */
export interface PayloadHead {
  readonly receiver: string
  readonly externalUrl: string
  readonly truncated: number
}

export interface AlertmanagerPayload extends PayloadHead {
  readonly alerts: readonly Alert[]
}

/** What is wrong with a payload, and where: `alerts[3].labels.team`. */
export interface PayloadProblem {
  readonly path: string
  readonly message: string
}

/**
 * Parses Alertmanager's webhook payload, version 4 (facts A.1). Unknown fields are ignored; the needed ones must be valid. It is
 * written by hand and not with a schema library, because this is the hot path and its messages name the path.
 */
export function parseAlertmanagerPayload(body: unknown): AlertmanagerPayload | PayloadProblem {
  const head = parseHead(body)
  if ('message' in head) return head
  const parsed: Alert[] = []
  for (const [index, one] of listAt(body, 'alerts').entries()) {
    const alert = parseAlert(one, `alerts[${index}]`)
    if ('message' in alert) return alert
    parsed.push(alert)
  }
  return { ...head, alerts: parsed }
}

/** Parses what a payload says once. Of `alerts` it looks only whether it is a list. */
export function parseHead(body: unknown): PayloadHead | PayloadProblem {
  if (!isObject(body)) return { path: '', message: 'must be a JSON object' }
  if (body['version'] !== '4') return { path: 'version', message: versionFault(body['version']) }
  if (!Array.isArray(body['alerts'])) return { path: 'alerts', message: 'must be a list' }
  const truncated = body['truncatedAlerts'] ?? 0
  if (typeof truncated !== 'number') return { path: 'truncatedAlerts', message: 'must be a number' }
  return {
    // Alertmanager sends regexp.QuoteMeta of the receiver's name (facts A.3).
    receiver: (textAt(body, 'receiver') ?? '').replaceAll(/\\(.)/g, '$1'),
    externalUrl: linkWithin(textAt(body, 'externalURL') ?? ''),
    truncated
  }
}

function versionFault(version: unknown): string {
  if (version === undefined)
    return 'is missing: this is not Alertmanager’s webhook format version 4 (a custom `payload` template cannot be read)'
  // Grafana's own webhook has the same fields and the version "1" (facts A.9).
  if (version === '1')
    return 'is "1", which is the webhook of Grafana: let Grafana send its alerts to an Alertmanager, and that one to Astern (docs/alertmanager.md)'
  return `must be "4", not ${JSON.stringify(version).slice(0, 40)}`
}

/** Parses one alert. The API takes the same form for a dry run or a manual run. */
export function parseAlert(alert: unknown, path: string): Alert | PayloadProblem {
  if (!isObject(alert)) return { path, message: 'must be an object' }
  const { status } = alert
  if (status !== 'firing' && status !== 'resolved') return { path: `${path}.status`, message: 'must be "firing" or "resolved"' }
  const labels = parseMap(alert, 'labels', path)
  if ('problem' in labels) return labels.problem
  if (Object.keys(labels.map).length === 0)
    return { path: `${path}.labels`, message: 'must not be empty: an alert is told apart by its labels' }
  const annotations = parseMap(alert, 'annotations', path)
  if ('problem' in annotations) return annotations.problem
  const startsAt = parseInstant(alert['startsAt'])
  if (startsAt === undefined) return { path: `${path}.startsAt`, message: 'must be a time in RFC 3339, such as 2026-11-21T12:00:00Z' }
  const endsAt = alert['endsAt'] === undefined ? undefined : parseInstant(alert['endsAt'])
  if (alert['endsAt'] !== undefined && endsAt === undefined) return { path: `${path}.endsAt`, message: 'must be a time in RFC 3339' }
  return {
    status,
    labels: labels.map,
    annotations: annotations.map,
    startsAt,
    // The status decides whether the alert fires, and not this field: a firing alert has Go's zero time here (facts A.1).
    ...(endsAt === undefined || endsAt <= ZERO_TIME_MS ? {} : { endsAt }),
    generatorUrl: textAt(alert, 'generatorURL') ?? ''
  }
}

/** The end of year 1, because Go's zero time lies in that year. */
const ZERO_TIME_MS = Date.parse('0002-01-01T00:00:00Z')
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/

function parseInstant(value: unknown): number | undefined {
  if (typeof value !== 'string' || !RFC3339.test(value)) return undefined
  const instant = Date.parse(value)
  return Number.isNaN(instant) ? undefined : instant
}

function parseMap(
  alert: JsonObject,
  key: string,
  path: string
): { readonly map: Readonly<Record<string, string>> } | { readonly problem: PayloadProblem } {
  const value = alert[key]
  // Alertmanager never sends null, but other senders do.
  if (value === undefined || value === null) return { map: {} }
  if (!isObject(value)) return { problem: { path: `${path}.${key}`, message: 'must be an object' } }
  const map: Record<string, string> = Object.create(null)
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return { problem: { path: `${path}.${key}.${name}`, message: 'must be a string' } }
    map[name] = text
  }
  return { map: { ...map } }
}
