import type { AuditEntry } from './audit.ts'
import { audited, ofRun } from './audited.ts'
import type { ObjectRef } from './objects.ts'
import { escalatesAt, type Run } from './run.ts'
import { begunAt, templateValues } from './trigger.ts'

/** Makes a run as it begins. */
export function newRun({
  target,
  ...begun
}: Pick<Run, 'id' | 'kind' | 'policy' | 'trigger' | 'ceiling'> & { readonly target: ObjectRef | undefined }): Run {
  const at = begunAt(begun.trigger)
  return {
    ...begun,
    ...(target === undefined ? {} : { target }),
    state: 'waiting',
    step: 0,
    createdAt: at,
    nextAt: at,
    wrote: false
  }
}

/** The first audit row of a run that no alert began. */
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
