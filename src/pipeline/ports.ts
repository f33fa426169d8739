import type { Clock, Ids } from '../base/clock.ts'
import type { Action, Tools } from '../domain/action.ts'
import type { AlertStates, Guard } from '../domain/guard.ts'
import type { Mode, Outcome } from '../domain/outcomes.ts'
import { type Permission, permissionOf } from '../domain/permission.ts'
import type { Policy, StormLimits } from '../domain/policy.ts'
import type { Channels } from '../domain/ports/channels.ts'
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

/** What everything that decides looks at. Nothing among it can save. */
export interface ReadingPorts {
  readonly ledger: Pick<Ledger, 'targetFacts' | 'switchState' | 'storm' | 'budgetUse'>
  readonly cluster: Pick<Cluster, 'read' | 'owners' | 'clockOffset'>
  readonly verifier: () => Verifier
  readonly alertStates: () => AlertStates | undefined
  readonly actions: readonly Action[]
  /** What actions reach the world through. */
  readonly tools: Tools
  readonly guards: {
    readonly beforeQueries: readonly Guard[]
    readonly beforeSymptomOnly: readonly Guard[]
    readonly onSymptom: readonly Guard[]
    readonly onPlan: readonly Guard[]
    readonly beforeIntent: readonly Guard[]
    readonly beforeWrite: readonly Guard[]
  }
  readonly policies: Pick<PolicyBook, 'policy'>
  /** The service's ceiling: no policy acts above it. */
  readonly ceiling: Mode
  readonly ownNamespace: string | undefined
  readonly faults: Faults
  readonly recorder: Pick<Recorder, 'sampled'>
}

/**
 * What deciding may use. There is no clock among it: a decision is made at the instant that it is given, so that the same code
 * can decide about another time.
 */
export interface DecidePorts extends ReadingPorts {
  /** Between two samples: resolves when the instant has come. */
  readonly until: (instant: number, signal: AbortSignal) => Promise<void>
  /** Milliseconds from any beginning; only for how long each stage took. */
  readonly stopwatch: () => number
}

/** What a phase of a run may use: it decides, writes to the cluster, and says what is to be saved. */
export interface PhasePorts extends ReadingPorts {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: ReadingPorts['ledger'] & Pick<Ledger, 'intentOf' | 'incident' | 'unadmitted'>
  readonly cluster: ReadingPorts['cluster'] & Pick<Cluster, 'uidOf'>
  readonly channels: Channels
}

/** Everything outside that the flow talks to. */
export interface Ports extends PhasePorts {
  readonly ledger: Ledger
  readonly cluster: Cluster
  readonly policies: PolicyBook
  readonly recorder: Recorder
}

/** Deciding live, by the clock of the phase. */
export function decidePorts(ports: PhasePorts): DecidePorts {
  const { clock } = ports
  return {
    ...ports,
    stopwatch: clock.now,
    async until(instant, signal) {
      const ms = instant - clock.now()
      if (ms > 0) await clock.sleep(ms, signal)
    }
  }
}

export function actionOf(ports: Pick<DecidePorts, 'actions'>, name: string): Action {
  const action = ports.actions.find(candidate => candidate.name === name)
  if (action === undefined) throw new Error(`policy names action ${name}, which was not checked at load`)
  return action
}

/** What a run may do by configuration. */
export function configuredPermission(ports: Pick<DecidePorts, 'policies' | 'ceiling'>, run: Run): Permission {
  const { policy } = run
  return permissionOf({ policy: policy.mode, current: ports.policies.policy(policy.name)?.mode, ceiling: ports.ceiling })
}
