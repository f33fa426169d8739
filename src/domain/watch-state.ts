import type { TargetKind } from './objects.ts'
import type { KubeAnswer } from './ports/kube.ts'

/** How far a watch of the cluster sees: a closed set, and the labels of its metric. All but `watching` and `listing` are blind. */
export const WATCH_STATES = ['watching', 'listing', 'forbidden', 'not-served', 'unreachable', 'too-large', 'behind'] as const
export type WatchStateName = (typeof WATCH_STATES)[number]

/** How one watch is: of a kind, in one namespace or (without one) in the whole cluster. */
export interface WatchState {
  readonly kind: TargetKind
  readonly namespace?: string
  readonly state: WatchStateName
  /** Since when it is in this state, Astern's clock. */
  readonly since: number
  /** Why it sees nothing; empty while it sees. */
  readonly detail: string
}

/** Whether changes are missed, and a first list that is under way does not explain it. */
export function isBlind({ state }: Pick<WatchState, 'state'>): boolean {
  return state !== 'watching' && state !== 'listing'
}

/** What an answer that is none makes of a watch. */
export function blindnessOf(
  answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>
): Exclude<WatchStateName, 'watching' | 'listing' | 'behind'> {
  if (answer.kind === 'unreachable') return answer.problem === 'too-large' ? 'too-large' : 'unreachable'
  switch (answer.status) {
    case 401:
    case 403:
      return 'forbidden'
    case 404:
      return 'not-served'
    case 413:
      return 'too-large'
    default:
      return 'unreachable'
  }
}

/** `Deployments in shop`, `StatefulSets in all namespaces`. */
export function watchedThing({ kind, namespace }: Pick<WatchState, 'kind' | 'namespace'>): string {
  return `${kind}s in ${namespace ?? 'all namespaces'}`
}
