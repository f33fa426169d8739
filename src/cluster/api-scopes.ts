import { listAt, textAt } from '../base/json.ts'
import type { ApiScope } from '../domain/ports/cluster.ts'
import type { Kube } from '../domain/ports/kube.ts'

/** Whether the API keeps objects of a kind in namespaces. */
export type IsNamespaced = (apiVersion: string, kind: string, signal: AbortSignal) => Promise<ApiScope>

const API_VERSION = /^([a-z0-9.-]+\/)?v[a-z0-9]+$/

/** Asks the API's own list of kinds, which everybody may read. An answer is kept, because a kind never changes its scope. */
export function createApiScopes(kube: Pick<Kube, 'get'>): IsNamespaced {
  const known = new Map<string, boolean>()
  return async (apiVersion, kind, signal) => {
    const key = `${apiVersion} ${kind}`
    const kept = known.get(key)
    if (kept !== undefined) return kept
    if (!API_VERSION.test(apiVersion)) return undefined
    const answer = await kube.get(apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`, signal)
    if (answer.kind === 'error' && answer.status === 404) return undefined
    if (answer.kind !== 'ok') return 'no-answer'
    for (const resource of listAt(answer.object, 'resources')) {
      const name = textAt(resource, 'name') ?? ''
      if (typeof resource !== 'object' || resource === null || name.includes('/') || !('namespaced' in resource)) continue
      known.set(`${apiVersion} ${textAt(resource, 'kind') ?? ''}`, resource.namespaced === true)
    }
    return known.get(key)
  }
}
