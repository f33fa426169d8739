import type { DryRunAnswer } from '../../domain/dry-run.ts'
import type { Run } from '../../domain/run.ts'
import { decideDryRun } from '../decide/dry-run.ts'
import type { Ports } from '../ports.ts'

/** Carries out a prepared dry run, and stores it as a run. */
export async function dryRun(ports: Ports, prepared: Run, signal: AbortSignal): Promise<DryRunAnswer> {
  const { answer, run, audit, looked } = await decideDryRun(ports, prepared, signal)
  await ports.ledger.saveDryRun(run, audit, looked)
  return answer
}
