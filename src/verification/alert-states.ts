import { isObject, listAt, objectAt, textMap } from '../base/json.ts'
import type { AlertState, AlertStates } from '../domain/guard.ts'
import type { GuardedClient } from '../outgoing/breaker.ts'

/** Asks Alertmanager's API v2 about one alert: silenced, inhibited, or neither (facts A.7). `credential` reads the Authorization header. */
export function alertmanagerStates(url: string, client: GuardedClient, credential?: () => Promise<string>): AlertStates {
  const base = url.replace(/\/+$/, '')
  return {
    async stateOf(labels, signal): Promise<AlertState> {
      const query = new URLSearchParams()
      for (const [name, value] of Object.entries(labels))
        query.append('filter', `${/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name)}=${JSON.stringify(value)}`)
      let authorization: string | undefined
      try {
        authorization = await credential?.()
      } catch (cause) {
        return { kind: 'unreachable', detail: `its credentials cannot be read: ${cause instanceof Error ? cause.message : String(cause)}` }
      }
      const result = await client.request(
        {
          method: 'GET',
          url: `${base}/api/v2/alerts?${query.toString()}`,
          headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
          deadlineMs: 5_000,
          // Its labels are compared: one that happens to be a known password must stay what it is.
          exact: true
        },
        signal
      )
      if (result.kind === 'failed') return { kind: 'unreachable', detail: result.detail }
      const alerts = result.status === 200 ? parse(result.body) : undefined
      if (!Array.isArray(alerts)) return { kind: 'unreachable', detail: `answered ${result.status}` }
      const wanted = Object.keys(labels).length
      const found: unknown = alerts.find(alert => isObject(alert) && Object.keys(textMap(alert['labels'])).length === wanted)
      if (found === undefined) return { kind: 'absent' }
      const status = objectAt(found, 'status')
      return { kind: 'known', silencedBy: listAt(status, 'silencedBy').map(String), inhibitedBy: listAt(status, 'inhibitedBy').map(String) }
    }
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
