import { type JsonObject, listAt, textAt } from '../../../src/base/json.ts'
import type { Answered, Shown, StandIn } from './stand-in.ts'

export interface Pagerduty extends StandIn {
  /** The keys of the incidents that are open. */
  readonly open: Set<string>
  /** The keys by which people were woken, in order. */
  readonly notified: string[]
  /** The summaries of change events. They wake nobody. */
  readonly changes: string[]
  shows(key: string): Shown
}

export const ROUTING_KEY = 'k'.repeat(32)

const SEVERITIES = ['critical', 'error', 'warning', 'info']
const invalid = (why: string): Answered => ({ status: 400, body: JSON.stringify({ status: 'invalid event', errors: [why] }) })

/** PagerDuty’s Events API v2: one incident for each key that is triggered and not resolved. */
export function pagerduty(): Pagerduty {
  const open = new Set<string>()
  const notified: string[] = []
  const changes: string[] = []
  return {
    open,
    notified,
    changes,
    shows: key => (open.has(key) ? 'call' : 'nothing'),
    answer({ path, body, raw }) {
      const fault = faultOf(body, raw)
      if (fault !== undefined) return fault
      if (path === '/v2/change/enqueue') {
        changes.push(textAt(body, 'payload', 'summary') ?? '')
        return { status: 202, body: JSON.stringify({ status: 'success' }) }
      }
      if (path !== '/v2/enqueue') return { status: 404 }
      const key = textAt(body, 'dedup_key') ?? ''
      if (key === '' || key.length > 255) return invalid('dedup_key')
      if (!SEVERITIES.includes(textAt(body, 'payload', 'severity') ?? '')) return invalid('severity')
      if (body['event_action'] === 'trigger') {
        if (!open.has(key)) notified.push(key)
        open.add(key)
      } else if (body['event_action'] === 'resolve') open.delete(key)
      else return invalid('event_action')
      return { status: 202, body: JSON.stringify({ status: 'success', message: 'Event processed', dedup_key: key }) }
    }
  }
}

function faultOf(body: JsonObject, raw: string): Answered | undefined {
  if (Buffer.byteLength(raw) > 512_000) return { status: 413 }
  if (textAt(body, 'routing_key')?.length !== 32) return invalid('routing_key is the wrong length')
  const summary = textAt(body, 'payload', 'summary') ?? ''
  if (summary === '' || summary.length > 1_024) return invalid('summary is too long (maximum is 1024 characters)')
  if ((textAt(body, 'payload', 'source') ?? '') === '') return invalid('source is missing')
  if (Number.isNaN(Date.parse(textAt(body, 'payload', 'timestamp') ?? ''))) return invalid('timestamp')
  return listAt(body, 'links').every(link => /^https?:/.test(textAt(link, 'href') ?? '')) ? undefined : invalid('links')
}
