import type { Action } from './action.ts'
import type { ObjectRef } from './objects.ts'
import type { Mode } from './outcomes.ts'
import type { Owner } from './owner.ts'
import type { Permission } from './permission.ts'
import type { Budget, Policy } from './policy.ts'
import type { SwitchState, TargetFacts } from './ports/ledger.ts'
import type { Refusal } from './reasons.ts'
import type { Run } from './run.ts'
import type { StormLooming, StormState } from './storm.ts'
import type { Dating } from './symptom.ts'
import type { Touched } from './touched.ts'
import type { Workload } from './workload.ts'

/** Everything that a guard may look at. It is read before any guard is asked, so that guards are pure. */
export interface GuardInput {
  readonly run: Run
  readonly policy: Policy
  /** The policy of that name as it is loaded now; undefined where it was removed. */
  readonly current: Policy | undefined
  readonly target: ObjectRef
  readonly workload: Workload
  readonly facts: TargetFacts
  readonly switch: SwitchState
  readonly storm: StormState | undefined
  readonly ceiling: Mode
  /** What the run may do by configuration, and what it may do right now, under the switch. */
  readonly permission: { readonly configured: Permission; readonly now: Permission }
  /** The traits of the step's action. */
  readonly action: Pick<Action, 'blames' | 'overridesOwner' | 'duringRollout'>
  readonly owners: readonly Owner[]
  /** What would be written besides the target, or in place of it: as far as it is known before the plan, then as the plan names it. */
  readonly touches: readonly Touched[]
  /** How many writes count against each of the policy's budgets. */
  readonly budgets: readonly { readonly budget: Budget; readonly used: number }[]
  /** What Alertmanager says of the alert now; undefined where none is configured. */
  /** A storm may be coming: some of the targets that alert were not sampled yet. */
  readonly looming: StormLooming | undefined
  readonly alertState: AlertState | undefined
  /** Whether that Alertmanager is the one that the alert came from, so that it must know the alert. */
  readonly mustBeKnown: boolean
  /** By how much each clock differs from Astern's, milliseconds. */
  readonly clusterOffset: number
  readonly sourceOffset: number
  /** Astern's own namespace, if it runs in a cluster. */
  readonly ownNamespace: string | undefined
  readonly now: number
}

/** The same once the symptom is measured, and in order with the changes of its target. */
export interface DatedInput extends GuardInput {
  readonly dating: Dating
}

/** What is known of a run before anything of its target is read. */
export type UnreadInput = Pick<GuardInput, 'target' | 'policy' | 'current' | 'ownNamespace'>

/** A check that answers with nothing where it allows the run, and else with one reason of the closed set. */
export interface Guard<Input = GuardInput> {
  readonly name: string
  readonly check: (input: Input) => Refusal | undefined
}

/** Who keeps an alert quiet: the silences, and the alerts that are its cause. */
export interface Suppressed {
  readonly silencedBy: readonly string[]
  readonly inhibitedBy: readonly string[]
}

/**
 * What Alertmanager says of one alert. `absent`: Alertmanager does not know it, because it resolved, Alertmanager was restarted, or
 * somebody else sent it. `lesser`: what holds for alerts that it knows and whose labels are all among those of this one.
 */
export type AlertState =
  | ({ readonly kind: 'known' } & Suppressed)
  | { readonly kind: 'absent'; readonly lesser?: Suppressed }
  | { readonly kind: 'unreachable'; readonly detail: string }

/** Asks for the state of alerts. */
export interface AlertStates {
  stateOf(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<AlertState>
}
