import type { Clock, Ids } from '../base/clock.ts'
import type { Action, Tools } from '../domain/action.ts'
import type { AlertStates, Guard } from '../domain/guard.ts'
import { lowestMode, type Mode, type Outcome } from '../domain/outcomes.ts'
import type { Policy, StormLimits } from '../domain/policy.ts'
import type { Cluster } from '../domain/ports/cluster.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { Verifier } from '../domain/ports/verifier.ts'
import type { Reason } from '../domain/reasons.ts'
import type { Run } from '../domain/run.ts'
import type { Sample } from '../domain/verdict.ts'

/** The policies in force, as the pipeline asks for them. */
export interface PolicyBook {
  match(labels: Readonly<Record<string, string>>): Policy | undefined
  policy(name: string): Policy | undefined
  storm(): StormLimits
}

/** Counts and logs; never decides. */
export interface Recorder {
  waiting(run: Run, reason: Reason, detail: string): void
  concluded(run: Run, outcome: Outcome, reason: Reason | undefined, detail: string): void
  wrote(run: Run, action: string): void
  sampled(sample: Sample): void
  failed(what: string, cause: unknown): void
}

/** Everything outside that the flow talks to. */
export interface Ports {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: Ledger
  readonly cluster: Cluster
  readonly verifier: () => Verifier
  readonly alertStates: () => AlertStates | undefined
  readonly actions: readonly Action[]
  /** What actions reach the world through. */
  readonly tools: Tools
  readonly guards: {
    readonly first: readonly Guard[]
    readonly later: readonly Guard[]
    readonly plan: readonly Guard[]
    readonly last: readonly Guard[]
  }
  readonly policies: PolicyBook
  /** Whether a channel takes good news too, or only calls for people. */
  readonly takesNotices: (channel: string) => boolean
  /** The service's ceiling: no policy acts above it. */
  readonly ceiling: Mode
  readonly ownNamespace: string | undefined
  readonly faults: Faults
  readonly recorder: Recorder
}

export function actionOf(ports: Ports, name: string): Action {
  const action = ports.actions.find(candidate => candidate.name === name)
  if (action === undefined) throw new Error(`policy names action ${name}, which was not checked at load`)
  return action
}

/**
 * The mode by configuration: the lowest of the policy as the run began with it, as it is now (removed is off), and the
 * service's ceiling. The switch stands apart: it makes a run wait, and never ends one.
 */
export function configuredMode(ports: Ports, run: Run): Mode {
  return lowestMode(run.policy.mode, ports.policies.policy(run.policy.name)?.mode ?? 'off', ports.ceiling)
}
