import type { JsonObject } from '../base/json.ts'
import type { Tools } from '../domain/action.ts'
import { mayBeEnforced, type Owner } from '../domain/owner.ts'
import type { Workload } from '../domain/workload.ts'
import { needsPresent } from './present-needs.ts'
import { roomToRoll } from './roll-room.ts'
import { tryTemplate } from './tried-template.ts'

/** Whether an older version could run here today (rules 2). `no-answer`: the API gives no answer now, so nothing is known. */
export type Fit =
  | { readonly kind: 'fits'; readonly notLookedAt: readonly string[] }
  | { readonly kind: 'cannot'; readonly why: string }
  | { readonly kind: 'no-answer'; readonly detail: string }

/** An older template of a workload. */
export interface OlderTemplate {
  readonly workload: Workload
  readonly template: JsonObject
  /** How many of its pods are ready now. */
  readonly readyPods?: number
  /** Who declares what the workload is. Where one of them enforces it, nothing is tried: the write is for them to make. */
  readonly owners: readonly Owner[]
  /** What the same write brings along, as `ConfigMap api`. */
  readonly brought?: ReadonlySet<string>
}

/**
 * Looks whether pods of an older template could be made and start here today: what it names is there, a quota has room, and the API server
 * neither refuses the template nor warns that it would refuse its pods. It only reads, and makes no pod, not even for a trial.
 */
export async function fitsToday(tools: Pick<Tools, 'cluster'>, older: OlderTemplate, signal: AbortSignal): Promise<Fit> {
  const { workload, template, brought } = older
  const { around } = tools.cluster
  const { namespace } = workload.ref
  const looks = [
    () => needsPresent(around, { namespace, template, present: workload.template, ...(brought === undefined ? {} : { brought }) }, signal),
    () => roomToRoll(around, older, signal),
    ...(mayBeEnforced(older.owners) ? [] : [() => tryTemplate(tools.cluster, older, signal)])
  ]
  const notLookedAt: string[] = []
  for (const look of looks) {
    const fit = await look()
    if (fit.kind !== 'fits') return fit
    notLookedAt.push(...fit.notLookedAt)
  }
  return { kind: 'fits', notLookedAt }
}
