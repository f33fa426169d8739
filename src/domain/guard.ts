import type { Action } from './action.ts'
import type { Symptom } from './change.ts'
import type { ObjectRef } from './objects.ts'
import type { Mode } from './outcomes.ts'
import type { Owner } from './owner.ts'
import type { Permission } from './permission.ts'
import type { Budget, Policy } from './policy.ts'
import type { StormState, SwitchState, TargetFacts } from './ports/ledger.ts'
import type { Refusal } from './reasons.ts'
import type { Run } from './run.ts'
import type { Workload } from './workload.ts'

/** Everything a guard may look at; read before any guard is asked, so that guards are pure. */
export interface GuardInput {
  readonly run: Run
  readonly policy: Policy
  /** The policy of that name as it is loaded now; undefined when it was removed. */
  readonly current: Policy | undefined
  readonly target: ObjectRef
  readonly workload: Workload
  readonly facts: TargetFacts
  readonly switch: SwitchState
  readonly storm: StormState | undefined
  readonly ceiling: Mode
  /** What the run may do by configuration, and right now, under the switch. */
  readonly permission: { readonly configured: Permission; readonly now: Permission }
  /** What the step's action is like. */
  readonly action: Pick<Action, 'blames' | 'overridesOwner' | 'duringRollout'>
  readonly owners: readonly Owner[]
  /** Writes that each of the policy's budgets has seen. */
  readonly budgets: readonly { readonly budget: Budget; readonly used: number }[]
  /** What Alertmanager says of the alert now; undefined where none is configured. */
  readonly alertState: AlertState | undefined
  readonly symptom: Symptom
  readonly clusterOffset: number
  readonly sourceOffset: number
  /** Astern's own namespace, if it runs in a cluster. */
  readonly ownNamespace: string | undefined
  readonly now: number
}

/** A check that answers nothing, or one closed reason why not. */
export interface Guard {
  readonly name: string
  check(input: GuardInput): Refusal | undefined
}

/** What Alertmanager says of one alert. `absent`: it does not know it; resolved, or it was restarted. */
export type AlertState =
  | { readonly kind: 'known'; readonly silencedBy: readonly string[]; readonly inhibitedBy: readonly string[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable'; readonly detail: string }

/** Where the state of alerts is asked for. */
export interface AlertStates {
  stateOf(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<AlertState>
}
