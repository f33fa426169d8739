import type { Intent } from '../../domain/plan.ts'
import type { Pass } from '../pass.ts'

/** The intent of the rung that the run stands on. A run that executes or watches has one; none is a broken invariant. */
export async function intentOf({ ports, run, carried }: Pass): Promise<Intent> {
  const intent = carried.intent ?? (await ports.ledger.intentOf(run.id, run.step))
  if (intent === undefined) throw new Error(`run ${run.id} is ${run.state} without an intent`)
  return intent
}
