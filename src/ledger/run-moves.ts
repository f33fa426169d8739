import { mayMove, RUN_STATES, type RunState } from '../domain/run.ts'
import type { LedgerTransaction } from './database.ts'
import { toRunState } from './rows.ts'
import type { Tables } from './tables.ts'

// Every change of `runs.state` is made in this file, so that RUN_TRANSITIONS decides about all of them.

/** What changes together with a run's state. */
export type RunColumns = Partial<Omit<Tables['runs'], 'id' | 'state'>>

/** Changes one run's state. @throws Error where the table of transitions does not have that move */
export async function moveRun(
  tx: LedgerTransaction,
  run: Pick<Tables['runs'], 'id' | 'state'>,
  to: RunState,
  columns: RunColumns
): Promise<void> {
  if (!mayMove(toRunState(run.state), to)) throw new Error(`run ${run.id} cannot go from ${run.state} to ${to}`)
  await tx.query
    .updateTable('runs')
    .set({ ...columns, state: to })
    .where('id', '=', run.id)
    .execute()
}

/** An update that changes the state of many runs. The caller narrows it down; runs that may not go there stay as they are. */
export function movingRuns(tx: LedgerTransaction, to: RunState, columns: RunColumns) {
  return tx.query
    .updateTable('runs')
    .set({ ...columns, state: to })
    .where('state', 'in', statesBefore(to))
}

/** The states from which a run may go to this one. */
export function statesBefore(to: RunState): readonly RunState[] {
  return RUN_STATES.filter(from => mayMove(from, to))
}
