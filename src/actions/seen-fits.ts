import { type Refused, refused } from '../domain/action.ts'
import type { Reason } from '../domain/reasons.ts'
import type { Right } from '../domain/rights.ts'
import type { Fit } from './fit.ts'
import type { Observation } from './typed-action.ts'

/** Why a version cannot run: in words, and whether the API server itself refuses it. */
export type Unfit = Pick<Extract<Fit, { readonly kind: 'cannot' }>, 'why' | 'forbidden'>

/** What was seen of the versions that an action could go back to: which could not run today, and what was not looked at of the chosen one. */
export interface SeenFits {
  /** Why a version cannot run, by its name. */
  readonly cannotRun: ReadonlyMap<string, Unfit>
  readonly notLookedAt: readonly string[]
}

/** What is looked at by default before a version is put back: whether things are there, and what the namespace allows. */
export const LOOKS: readonly Right[] = [
  ...['configmaps', 'persistentvolumeclaims', 'serviceaccounts', 'namespaces'].map(resource => ({
    verb: 'get' as const,
    group: '',
    resource
  })),
  { verb: 'list', group: '', resource: 'resourcequotas' }
]

export const NOTHING_SEEN: SeenFits = { cannotRun: new Map(), notLookedAt: [] }

/** A version that an action could go back to. */
interface Judged {
  readonly refusedBecause?: string
  /** Set where it is proven good, and only could not run here today. */
  readonly cannotRun?: Unfit
}

/** With `Recreate` nothing serves between the last pod that goes and the first that comes. */
export const RECREATE = 'its strategy is Recreate: all pods go before new ones come'

/** Looks at the candidates, newest first, until one could run. Older ones are not looked at. */
export async function seeFits<C extends Judged>(
  candidates: readonly C[],
  { versionOf, fits }: { readonly versionOf: (candidate: C) => string; readonly fits: (candidate: C) => Promise<Fit> }
): Promise<Observation<SeenFits>> {
  const cannotRun = new Map<string, Unfit>()
  for (const candidate of candidates) {
    if (candidate.refusedBecause !== undefined || cannotRun.has(versionOf(candidate))) continue
    const fit = await fits(candidate)
    switch (fit.kind) {
      case 'fits':
        return { kind: 'seen', seen: { cannotRun, notLookedAt: fit.notLookedAt } }
      case 'cannot':
        cannotRun.set(versionOf(candidate), fit)
        break
      case 'no-answer':
        return unseen(fit)
    }
  }
  return { kind: 'seen', seen: { cannotRun, notLookedAt: [] } }
}

/** What a run waits for where the API gives no answer. */
export function unseen({ detail, refusal }: Extract<Fit, { readonly kind: 'no-answer' }>): Refused {
  return refusal === undefined
    ? refused('cluster-unreachable', `whether an older version could run here cannot be seen: ${detail}`)
    : { kind: 'refused', refusal }
}

/** The candidates, less those that could not run today. */
export function asSeen<C extends Judged>(
  candidates: readonly C[],
  versionOf: (candidate: C) => string,
  { cannotRun }: SeenFits
): readonly (C & Judged)[] {
  return candidates.map(candidate => {
    const unfit = candidate.refusedBecause === undefined ? cannotRun.get(versionOf(candidate)) : undefined
    return unfit === undefined ? candidate : { ...candidate, refusedBecause: unfit.why, cannotRun: unfit }
  })
}

/** Why none of them may be gone back to: by the newest that is proven. Where a policy of the cluster refuses that one, it is `forbidden`. */
export function noneLeft(candidates: readonly Judged[]): Reason {
  const newest = candidates.find(({ cannotRun }) => cannotRun !== undefined)?.cannotRun
  if (newest === undefined) return 'no-good-revision'
  return newest.forbidden === true ? 'forbidden' : 'cannot-run'
}
