import type { TObject } from 'typebox'
import type { Action } from '../domain/action.ts'
import type { Write } from '../domain/plan.ts'
import { CIRCUIT_BREAKER_RESET, circuitBreakerReset } from './circuit-breaker-reset/circuit-breaker-reset.ts'
import { deletePod } from './delete-pod/delete-pod.ts'
import { type DescribedAction, describe, throughDoor } from './door.ts'
import { gitopsSuspend } from './gitops-suspend/gitops-suspend.ts'
import type { Helm } from './helm-rollback/helm-port.ts'
import { HELM_ROLLBACK, helmRollback } from './helm-rollback/helm-rollback.ts'
import { HTTP, http } from './http/http.ts'
import { rolloutAbort } from './rollout-abort/rollout-abort.ts'
import { rolloutRestart } from './rollout-restart/rollout-restart.ts'
import { rolloutUndo } from './rollout-undo/rollout-undo.ts'
import { scale } from './scale/scale.ts'
import type { RequestNeeds } from './step-request.ts'
import type { ActionDescription, TypedAction } from './typed-action.ts'

/** What only some actions need, besides the tools that all have. */
export interface ActionNeeds extends RequestNeeds {
  readonly helm: Helm
}

/** Every action that Astern has. Adding one is adding a folder and a line here. */
const REGISTERED: readonly Registered[] = [
  action(rolloutUndo),
  action(rolloutRestart),
  action(rolloutAbort),
  actionWith(HELM_ROLLBACK, ({ helm }) => helmRollback(helm)),
  action(scale),
  action(deletePod),
  actionWith(CIRCUIT_BREAKER_RESET, circuitBreakerReset),
  actionWith(HTTP, http),
  action(gitopsSuspend)
]

/** The traits and schemas of every action, without what is needed to carry it out. */
export const ACTIONS: readonly DescribedAction[] = REGISTERED.map(({ description }) => description)

/** Makes every action. */
export function createActions(needs: ActionNeeds): readonly Action[] {
  return REGISTERED.map(({ create }) => create(needs))
}

interface Registered {
  readonly description: DescribedAction
  readonly create: (needs: ActionNeeds) => Action
}

/** Registers an action that needs only the tools that all have. */
function action<T extends TObject, W extends Write, S>(made: TypedAction<T, W, S>): Registered {
  return { description: describe(made), create: () => throughDoor(made) }
}

/** Registers an action that needs something that others do not. */
function actionWith<T extends TObject, W extends Write, S>(
  description: ActionDescription<T>,
  create: (needs: ActionNeeds) => TypedAction<T, W, S>
): Registered {
  return { description: describe(description), create: needs => throughDoor(create(needs)) }
}
