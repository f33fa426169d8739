import type { Intent } from '../../domain/plan.ts'
import type { Pass } from '../pass.ts'

/** The intent of the run's present rung. @throws Error where there is none: a run that executes or watches always has one */
export async function intentOf({ ports, run, carried }: Pass): Promise<Intent> {
  const intent = carried.intent ?? (await ports.ledger.intentOf(run.id, run.step))
  if (intent === undefined) throw new Error(`run ${run.id} is ${run.state} without an intent`)
  return intent
}
