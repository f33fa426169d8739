import { newRun } from '../../domain/new-run.ts'
import type { Run } from '../../domain/run.ts'
import { targetOf } from './target.ts'

/** Makes the run of a request. */
export function requestedRun(asked: Pick<Run, 'id' | 'kind' | 'policy' | 'trigger' | 'ceiling'>): Run {
  const target = targetOf(asked.policy, asked.trigger)
  return newRun({ ...asked, target: target.kind === 'target' ? target.target : undefined })
}
