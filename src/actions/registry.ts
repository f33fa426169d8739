import type { TObject } from 'typebox'
import type { Action } from '../domain/action.ts'
import { HelmRollbackWith, helmRollback } from './helm-rollback/helm-rollback.ts'
import { RolloutRestartWith, rolloutRestart } from './rollout-restart/rollout-restart.ts'
import { RolloutUndoWith, rolloutUndo } from './rollout-undo/rollout-undo.ts'

export interface RegisteredAction extends Action {
  /** Schema of the step's `with:`. */
  readonly with: TObject
}

/** Every action that Astern has. Adding one is adding a folder and a line here. */
export const ACTIONS: readonly RegisteredAction[] = [
  { ...rolloutUndo, with: RolloutUndoWith },
  { ...rolloutRestart, with: RolloutRestartWith },
  { ...helmRollback, with: HelmRollbackWith }
]
