import type { AddressedPod } from '../cluster/pod-fleet.ts'

/** Spring's Resilience4j actuator in every pod (facts B.7): a breaker that is not known is made when its name is posted to. */
export interface Breakers {
  /** State by pod and breaker's name. */
  readonly states: Map<string, Map<string, string>>
  /** Every POST, as `pod name`. */
  readonly posts: string[]
  /** A dependency that still fails opens the breaker again at once. */
  dependencyFails: boolean
  answer(pod: AddressedPod, method: string, path: string, body: string): { readonly status: number; readonly body: unknown } | undefined
}

export function openBreakers(name: string, initial = 'OPEN'): Breakers {
  const states = new Map<string, Map<string, string>>()
  const breakers: Breakers = {
    states,
    posts: [],
    dependencyFails: false,
    answer(pod, method, path, body) {
      const base = '/actuator/circuitbreakers'
      if (!path.startsWith(base)) return undefined
      const own = states.get(pod.name) ?? new Map([[name, initial]])
      states.set(pod.name, own)
      if (method === 'GET' && path === base)
        return { status: 200, body: { circuitBreakers: Object.fromEntries([...own].map(([key, state]) => [key, { state }])) } }
      if (method !== 'POST') return undefined
      const asked = decodeURIComponent(path.slice(base.length + 1))
      breakers.posts.push(`${pod.name} ${asked}`)
      const wanted = (JSON.parse(body) as { readonly updateState?: string }).updateState
      own.set(asked, wanted === 'CLOSE' && !breakers.dependencyFails ? 'CLOSED' : (own.get(asked) ?? 'OPEN'))
      return { status: 200, body: { circuitBreakerName: asked, currentState: own.get(asked), message: 'ok' } }
    }
  }
  return breakers
}
