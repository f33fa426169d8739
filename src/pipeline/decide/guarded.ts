import type { DatedInput } from '../../domain/guard.ts'
import type { GuardTrigger } from '../../domain/trigger.ts'
import type { Sample } from '../../domain/verdict.ts'
import type { ReadingPorts } from '../ports.ts'
import type { Resolved } from './resolve.ts'
import { next, type StageResult, stop } from './stage.ts'

type Asking = Pick<ReadingPorts, 'guardEvidence'>

/**
 * The symptom of a run that a deploy guard began: the guard's verdict, as long as the target has the version that it judged. The
 * change came first by the way the guard counts, for it compares both versions from the change on.
 */
export async function guardedSymptom<Of extends Pick<Resolved, 'workload' | 'guardInput' | 'at'>>(
  { guardEvidence }: Asking,
  { id }: GuardTrigger,
  input: Of,
  signal: AbortSignal
): Promise<StageResult<Of & { readonly guardInput: DatedInput; readonly first: Sample }>> {
  const verdict = await guardEvidence.verdict(id, input.workload, input.at, signal)
  if (verdict.kind === 'gone') return stop(verdict.refusal)
  const { sample: first, symptom, changedAt } = verdict
  const change = { what: 'template', at: changedAt, by: 'revision', order: 'change-first' } as const
  const dating = { symptom, changes: [change], undated: [] }
  return next({ ...input, guardInput: { ...input.guardInput, dating }, first })
}
