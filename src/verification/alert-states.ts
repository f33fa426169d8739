import { isDeepStrictEqual } from 'node:util'
import { isObject, listAt, objectAt, textMap } from '../base/json.ts'
import type { AlertState, AlertStates } from '../domain/guard.ts'
import type { GuardedClient } from '../outgoing/breaker.ts'

/**
 * Asks Alertmanager's API v2 about one alert: silenced, inhibited, or neither (facts A.7). It asks by the alert's name alone and
 * compares the labels here, because a filter is text that Alertmanager parses, and not every value survives that.
 * @param credential reads the Authorization header
 */
export function alertmanagerStates(url: string, client: GuardedClient, credential?: () => Promise<string>): AlertStates {
  const base = url.replace(/\/+$/, '')
  return {
    async stateOf(labels, signal): Promise<AlertState> {
      const name = labels['alertname'] ?? ''
      const query = new URLSearchParams(PLAIN.test(name) ? { filter: `alertname=${JSON.stringify(name)}` } : {})
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
      const found: unknown = alerts.find(alert => isObject(alert) && isDeepStrictEqual(textMap(alert['labels']), { ...labels }))
      if (found === undefined) return { kind: 'absent' }
      const status = objectAt(found, 'status')
      return { kind: 'known', silencedBy: listAt(status, 'silencedBy').map(String), inhibitedBy: listAt(status, 'inhibitedBy').map(String) }
    }
  }
}

/** A name that means the same in every parser. The alerts of another one are looked for among all. */
const PLAIN = /^[\w .:/-]*$/

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
