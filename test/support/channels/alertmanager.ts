import { listAt, objectAt, textAt, textMap } from '../../../src/base/json.ts'
import type { StandIn } from './stand-in.ts'

export interface AlertmanagerApi extends StandIn {
  /** The summaries of the alerts that fire at an instant. */
  firing(now: number): readonly string[]
  /** How many alerts there ever were: the same labels are the same alert. */
  readonly known: number
}

/** Alertmanager’s API v2 as tests of thousands of requests need it: alerts are known by their labels, and end when they say. */
export function alertmanagerApi(): AlertmanagerApi {
  const alerts = new Map<string, { readonly summary: string; readonly endsAt: number }>()
  return {
    firing: now => [...alerts.values()].flatMap(({ summary, endsAt }) => (endsAt > now ? [summary] : [])),
    get known() {
      return alerts.size
    },
    answer({ path, raw }) {
      if (path !== '/api/v2/alerts') return { status: 404 }
      const posted: unknown = JSON.parse(raw)
      for (const alert of listAt({ posted }, 'posted')) {
        // An empty label is none.
        const labels = Object.entries(textMap(objectAt(alert, 'labels'))).filter(([, value]) => value !== '')
        const [startsAt, endsAt] = [Date.parse(textAt(alert, 'startsAt') ?? ''), Date.parse(textAt(alert, 'endsAt') ?? '')]
        if (labels.length === 0 || labels.some(([name]) => !/^[a-zA-Z_]\w*$/.test(name))) return { status: 400, body: 'invalid label set' }
        if (!(startsAt <= endsAt)) return { status: 400, body: 'start time must be before end time' }
        alerts.set(JSON.stringify(labels.sort()), { summary: textAt(alert, 'annotations', 'summary') ?? '', endsAt })
      }
      return {}
    }
  }
}
