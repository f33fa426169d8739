import type { Tools } from '../domain/action.ts'
import { mayBeEnforced } from '../domain/owner.ts'
import type { Fit, OlderTemplate } from './fit.ts'
import { needsPresent } from './present-needs.ts'
import { roomToRoll } from './roll-room.ts'
import { tryTemplate } from './tried-template.ts'

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
