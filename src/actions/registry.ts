import type { TObject } from 'typebox'
import type { Action } from '../domain/action.ts'
import { CircuitBreakerResetWith, checkCircuitBreakerReset, circuitBreakerReset } from './circuit-breaker-reset/circuit-breaker-reset.ts'
import { DeletePodWith, deletePod } from './delete-pod/delete-pod.ts'
import { GitopsSuspendWith, gitopsSuspend } from './gitops-suspend/gitops-suspend.ts'
import { HelmRollbackWith, helmRollback } from './helm-rollback/helm-rollback.ts'
import { checkHttp, HttpWith, http } from './http/http.ts'
import { RolloutAbortWith, rolloutAbort } from './rollout-abort/rollout-abort.ts'
import { RolloutRestartWith, rolloutRestart } from './rollout-restart/rollout-restart.ts'
import { RolloutUndoWith, rolloutUndo } from './rollout-undo/rollout-undo.ts'
import { checkScale, ScaleWith, scale } from './scale/scale.ts'

export interface RegisteredAction extends Action {
  /** Schema of the step's `with:`. */
  readonly with: TObject
  /** What is wrong in a `with:` that keeps the schema; undefined where nothing is. */
  readonly check?: (value: unknown) => string | undefined
}

/** Every action that Astern has. Adding one is adding a folder and a line here. */
export const ACTIONS: readonly RegisteredAction[] = [
  { ...rolloutUndo, with: RolloutUndoWith },
  { ...rolloutRestart, with: RolloutRestartWith },
  { ...rolloutAbort, with: RolloutAbortWith },
  { ...helmRollback, with: HelmRollbackWith },
  { ...scale, with: ScaleWith, check: checkScale },
  { ...deletePod, with: DeletePodWith },
  { ...circuitBreakerReset, with: CircuitBreakerResetWith, check: checkCircuitBreakerReset },
  { ...http, with: HttpWith, check: checkHttp },
  { ...gitopsSuspend, with: GitopsSuspendWith }
]
