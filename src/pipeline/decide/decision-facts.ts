import { changesOf } from '../../domain/change.ts'
import { changeFacts, type PlannedFacts, toldPlan } from '../../domain/decision-facts.ts'
import type { Owner } from '../../domain/owner.ts'
import type { Planned } from './plan.ts'

/** What people are told of a plan: the write, the numbers, the change that it blames. */
export function planFacts(planned: Planned): PlannedFacts {
  const { plan, samples, serverDryRun, warnings, notLookedAt, guardInput } = planned
  return {
    plan: toldPlan(plan),
    samples,
    serverDryRun,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(notLookedAt.length === 0 ? {} : { notLookedAt }),
    symptom: guardInput.dating.symptom,
    ...(guardInput.alertState?.kind === 'absent' ? { unknownAlert: 'Alertmanager does not know an alert with these labels' } : {}),
    ...changesTold(planned)
  }
}

/** What changed and when: the evidence that ties the symptom to it. */
function changesTold({
  workload,
  guardInput
}: Planned): Omit<PlannedFacts, 'plan' | 'samples' | 'serverDryRun' | 'warnings' | 'notLookedAt' | 'symptom' | 'unknownAlert'> {
  const { markers } = guardInput.facts
  const { release } = workload
  const hints = [...(workload.hints ?? []), ...guardInput.owners.filter(({ hint }) => hint === true).map(hintTold)]
  const { template, release: releaseChange } = changesOf(workload, guardInput.facts, guardInput.clusterOffset)
  return {
    change: template,
    ...changeFacts(workload, template.kind === 'known' ? template.at : undefined),
    ...(release === undefined || releaseChange === undefined ? {} : { releaseChange, release }),
    ...(hints.length === 0 ? {} : { hints }),
    ...(markers.length === 0 ? {} : { markers: markers.slice(0, 5) })
  }
}

function hintTold({ kind, name, detail }: Owner): string {
  return `${kind} ${name}: ${detail}`
}
