import type { AuditEntry } from '../../domain/audit.ts'
import type { Run } from '../../domain/run.ts'
import { askedBy, begunAt, templateValues } from '../../domain/trigger.ts'
import { runIds } from '../run-ids.ts'
import { targetOf } from './target.ts'

/** A run as it begins because somebody asked for it. */
export function requestedRun({ id, kind, policy, trigger }: Pick<Run, 'id' | 'kind' | 'policy' | 'trigger'>): Run {
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
    wrote: false
  }
}

/** The first row of a run's record: who asked for what. */
export function startedEntry(run: Run): AuditEntry {
  const { policy, target, trigger, kind, createdAt } = run
  const by = askedBy(trigger)
  return {
    at: createdAt,
    kind: 'run-started',
    ...runIds(run),
    body: {
      policy: policy.name,
      mode: kind === 'dry-run' ? 'dry-run' : policy.mode,
      ...(by === undefined ? {} : { by }),
      labels: templateValues(trigger).labels,
      ...(target === undefined ? {} : { target })
    }
  }
}
