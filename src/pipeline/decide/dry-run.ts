import type { AuditEntry } from '../../domain/audit.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import type { DryRunAnswer, TraceEntry } from '../../domain/dry-run.ts'
import type { TargetLooks } from '../../domain/looks.ts'
import { startedEntry } from '../../domain/new-run.ts'
import type { Outcome } from '../../domain/outcomes.ts'
import type { Policy } from '../../domain/policy.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Run, RunRequest } from '../../domain/run.ts'
import { decidePorts, type PhasePorts } from '../ports.ts'
import { planFacts } from './decision-facts.ts'
import { firstRefusal } from './guard.ts'
import { decideLadder } from './ladder.ts'
import type { Learned } from './learned.ts'
import { requestedRun } from './requested-run.ts'

/** Where sampling takes longer than this, the API answers with the run's id and the result comes later (rules 8). */
export const ANSWER_WITHIN_MS = 20_000

/** How long a policy's samples take, milliseconds. */
export function samplingTime(policy: Policy): number {
  return Math.max(...policy.verify.map(query => (query.samples - 1) * query.every))
}

/** Makes the run of a dry run that was asked for, before anything is decided. */
export function prepareDryRun({ ids, ceiling }: Pick<PhasePorts, 'ids' | 'ceiling'>, { policy, trigger }: RunRequest): Run {
  return requestedRun({ id: ids.next(), kind: 'dry-run', policy, trigger, ceiling })
}

/** The result of a dry run: the answer, and what is saved of it. */
export interface DryRunResult {
  readonly answer: DryRunAnswer
  readonly run: Run
  readonly audit: readonly AuditEntry[]
  readonly looked: readonly TargetLooks[]
}

/** Decides by the same code as a live run, and stops where the write would be. It takes no lock and no budget, and tells nobody. */
export async function decideDryRun(ports: PhasePorts, run: Run, signal: AbortSignal): Promise<DryRunResult> {
  const trace: TraceEntry[] = []
  const learned: Learned = {}
  const decided = await decideLadder({ ports: decidePorts(ports), trace, learned, signal }, { run, at: ports.clock.now() })
  const { passed, result } = decided
  let refusal: Refusal
  if (result.kind === 'stop') refusal = result.refusal
  else {
    const lowered = firstRefusal(ports.guards.beforeIntent, result.value.guardInput)
    const facts = planFacts(result.value)
    refusal = { ...(lowered ?? { reason: 'mode-dry-run', detail: `would ${result.value.plan.summary}` }), facts }
  }
  const now = ports.clock.now()
  const { reason, detail, facts = {} } = refusal
  const outcome: Outcome = reason === 'mode-dry-run' || reason === 'switch-lowered' ? 'dry-run' : 'denied'
  const verdict = outcome === 'dry-run' ? 'would act' : 'hold'
  const audit: AuditEntry[] = [
    startedEntry(run),
    audited.decision(ofRun(decided.run, now), { verdict, refusal: { reason, detail, facts }, passed, trace }),
    audited.concluded(ofRun(run, now), { outcome, refusal: { reason, detail }, detail, wrote: false })
  ]
  return {
    answer: { id: run.id, outcome, reason, detail, stages: trace, facts },
    run: {
      ...run,
      state: 'ended',
      endedAt: now,
      outcome,
      reason,
      detail,
      ...(learned.symptom === undefined ? {} : { symptom: learned.symptom })
    },
    audit,
    looked: learned.looked ?? []
  }
}
