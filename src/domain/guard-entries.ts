import { matchesGlob } from '../base/globs.ts'
import type { DeployGuardOptions, GuardPolicy } from './deploy-guard.ts'
import { formatMargin, type Margin, within } from './margin.ts'
import { isAlwaysDenied } from './namespaces.ts'
import type { ObjectRef, TargetKind } from './objects.ts'
import type { Policy } from './policy.ts'

/** The kinds whose rollouts a guard watches. */
export const GUARDED_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const satisfies readonly TargetKind[]

/**
 * The entry of `guards:` that covers the namespace: the first that names it, in the order of the files. Undefined where none does, so
 * that a guard there only reports.
 */
export function guardPolicyFor(entries: readonly GuardPolicy[], namespace: string): GuardPolicy | undefined {
  if (isAlwaysDenied(namespace)) return undefined
  return entries.find(entry => covers(entry.guards.namespaces, namespace))
}

function covers(globs: readonly string[], namespace: string): boolean {
  return globs.some(glob => matchesGlob(glob, namespace))
}

/** Whether earlier lists of globs leave this one nothing to cover. */
export function isCoveredBy(globs: readonly string[], earlier: readonly (readonly string[])[]): boolean {
  // A star of the later glob is a character that only a star of an earlier one matches, so that one match stands for all names.
  return globs.length > 0 && globs.every(glob => earlier.some(list => covers(list, glob)))
}

/** What a request’s options may be of, by its entry. */
export type BoundedOptions = Pick<DeployGuardOptions, 'tolerated' | 'objective' | 'metrics'>

/** What of the options lies outside the entry’s bounds: a sentence for each. */
export function outsideBounds(entry: GuardPolicy, { tolerated, objective, metrics }: BoundedOptions): readonly string[] {
  const said: string[] = []
  if (tolerated !== undefined && !within(tolerated, entry.widest))
    said.push(`a tolerance of ${formatMargin(tolerated)} is wider than guard ${entry.name} allows: at most ${formatMargin(entry.widest)}`)
  if (objective !== undefined && entry.objective !== undefined && objective > entry.objective)
    said.push(`an objective of ${percent(objective)} is looser than guard ${entry.name} allows: at most ${percent(entry.objective)}`)
  const foreign = metrics.filter(metric => !entry.metrics.includes(metric))
  if (foreign.length > 0)
    said.push(`guard ${entry.name} does not allow ${foreign.join(', ')}; it allows ${entry.metrics.join(', ') || 'no metric by name'}`)
  return said
}

/**
 * What is tolerated of a rollout under the entry: what was asked for, or where the usual tolerance is wider than the entry allows, as much of
 * it as it does. Undefined where the usual one holds.
 */
export function toleratedUnder(entry: GuardPolicy, asked: Margin | undefined, usual: Margin): Margin | undefined {
  if (asked !== undefined || within(usual, entry.widest)) return asked
  return { ratio: Math.min(usual.ratio, entry.widest.ratio), add: Math.min(usual.add, entry.widest.add) }
}

/** Twelve digits: 0.0005 × 100 is not quite 0.05 in doubles. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(12))} %`
}

/**
 * The policy of the run that a failing guard begins. It matches no alert and asks no query, because the judge’s verdict takes their
 * place. Names in it are literal: the target is known.
 */
export function policyOfGuard(entry: GuardPolicy, target: ObjectRef): Policy {
  const { name, mode, steps, guards, escalate, recheck } = entry
  return { name, match: [], target, mode, verify: [], steps, guards, escalate, recheck }
}

/** Everything by which Astern may write: the policies, and each guard as a policy for each kind that it watches. */
export function policiesInForce({
  policies,
  guards
}: {
  readonly policies: readonly Policy[]
  readonly guards: readonly GuardPolicy[]
}): readonly Policy[] {
  const asPolicies = guards.flatMap(entry => GUARDED_KINDS.map(kind => policyOfGuard(entry, { kind, namespace: '*', name: '*' })))
  return [...policies, ...asPolicies]
}
