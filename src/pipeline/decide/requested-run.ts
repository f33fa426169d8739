import type { AuditEntry } from '../../domain/audit.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import { escalatesAt, type Run } from '../../domain/run.ts'
import { begunAt, templateValues } from '../../domain/trigger.ts'
import { targetOf } from './target.ts'

/** Makes the run of a request. */
export function requestedRun({ id, kind, policy, trigger, ceiling }: Pick<Run, 'id' | 'kind' | 'policy' | 'trigger' | 'ceiling'>): Run {
  const target = targetOf(policy, trigger)
  const at = begunAt(trigger)
  return {
    id,
    kind,
    trigger,
    policy,
    ...(target.kind === 'target' ? { target: target.target } : {}),
    state: 'waiting',
    step: 0,
    createdAt: at,
    nextAt: at,
    ceiling,
    wrote: false
  }
}

/** The first audit row of a run that somebody asked for. */
export function startedEntry(run: Run): AuditEntry {
  const { policy, target, trigger, kind, createdAt } = run
  return audited.runStarted(ofRun(run, createdAt), {
    policy: policy.name,
    mode: kind === 'dry-run' ? 'dry-run' : policy.mode,
    labels: templateValues(trigger).labels,
    ...(target === undefined ? {} : { target }),
    ...(kind === 'dry-run' ? {} : { escalatesAt: escalatesAt(run) })
  })
}
