import { ALERT_LIMITS, type AlertLimit, annotationsWithin, labelsOver, linkWithin, type RefusedAlert } from '../domain/alert-limits.ts'
import type { Alert } from '../domain/incident.ts'

/** Alerts that came in, sorted. */
export interface AlertSorter {
  /** How many alerts there were so far. */
  seen(): number
  /** How many are kept and were not handed out yet. */
  count(): number
  take(alert: Alert): void
  /** Refuses an alert that could not be read whole. */
  refuse(limit: AlertLimit): void
  /** Hands out what was kept since the last time. */
  empty(): { readonly alerts: readonly Alert[]; readonly refused: readonly RefusedAlert[] }
}

/** Sorts alerts into those that are within their limits and those that are refused. */
export function createAlertSorter(): AlertSorter {
  let seen = 0
  let alerts: Alert[] = []
  let refused: RefusedAlert[] = []
  const refuse = (limit: AlertLimit, name: string): void => {
    refused.push({ limit, which: `alerts[${seen}]${name === '' ? '' : ` (${name.slice(0, 100)})`}` })
    seen += 1
  }
  return {
    seen: () => seen,
    count: () => alerts.length + refused.length,
    take(alert) {
      const limit = seen >= ALERT_LIMITS['alerts-per-delivery'] ? 'alerts-per-delivery' : labelsOver(alert.labels)
      if (limit !== undefined) return refuse(limit, alert.labels['alertname'] ?? '')
      seen += 1
      const { annotations, generatorUrl } = alert
      alerts.push({ ...alert, annotations: annotationsWithin(annotations), generatorUrl: linkWithin(generatorUrl) })
    },
    refuse: limit => refuse(limit, ''),
    empty() {
      const out = { alerts, refused }
      alerts = []
      refused = []
      return out
    }
  }
}
