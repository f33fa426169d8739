import type { Clock, Ids } from '../base/clock.ts'
import type { Action, Tools } from '../domain/action.ts'
import type { FieldOwnership } from '../domain/field-ownership.ts'
import type { AlertStates, DatedInput, Guard, UnreadInput } from '../domain/guard.ts'
import type { Mode, Outcome } from '../domain/outcomes.ts'
import { type Permission, permissionOf } from '../domain/permission.ts'
import type { Policy, StormLimits } from '../domain/policy.ts'
import type { Channels } from '../domain/ports/channels.ts'
import type { Cluster } from '../domain/ports/cluster.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { GuardEvidence } from '../domain/ports/guard-evidence.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { Verifier } from '../domain/ports/verifier.ts'
import type { Reason } from '../domain/reasons.ts'
import type { Run } from '../domain/run.ts'
import type { Sample } from '../domain/verdict.ts'

/** What the pipeline asks of the policies in force. */
export interface PolicyBook {
  match(labels: Readonly<Record<string, string>>): Policy | undefined
  policy(name: string): Policy | undefined
  storm(): StormLimits
}

/** Counts and logs what happens. It decides nothing. */
export interface Recorder {
  waiting(run: Run, reason: Reason, detail: string): void
  concluded(run: Run, outcome: Outcome, reason: Reason | undefined, detail: string): void
  wrote(run: Run, action: string): void
  sampled(sample: Sample): void
  /** So many incidents of a source stand in line for admission from now on. */
  slowed(source: string, incidents: number, at: number): void
  failed(what: string, cause: unknown): void
}

/** What is known of those who post alerts and ask for runs. */
export interface Senders {
  /** Whether alerts of that source come from the Alertmanager that is configured, so that it must know them. */
  confirmed(source: string): boolean
  /** False while there are no tokens. */
  readonly authenticated: boolean
}

/** What deciding reads from. Nothing among it can save. */
export interface ReadingPorts {
  readonly ledger: Pick<Ledger, 'targetFacts' | 'looks' | 'switchState' | 'storm' | 'stormLooming' | 'budgetUse'>
  readonly cluster: Pick<Cluster, 'read' | 'owners' | 'clockOffset' | 'clockUncertainty'>
  readonly verifier: () => Verifier
  readonly alertStates: () => AlertStates | undefined
  /** What a run asks that a deploy guard began. */
  readonly guardEvidence: GuardEvidence
  readonly actions: readonly Action[]
  /** What actions reach the world through. */
  readonly tools: Tools
  readonly guards: {
    readonly beforeRead: readonly Guard<UnreadInput>[]
    readonly beforeQueries: readonly Guard[]
    readonly whileMoving: readonly Guard[]
    readonly onceDated: readonly Guard<DatedInput>[]
    readonly onceDatedOnly: readonly Guard[]
    readonly onSymptom: readonly Guard[]
    readonly onTouched: readonly Guard[]
    readonly onPlan: readonly Guard[]
    readonly beforeIntent: readonly Guard[]
    readonly beforeWrite: readonly Guard<DatedInput>[]
  }
  readonly policies: Pick<PolicyBook, 'policy' | 'storm'>
  readonly senders: Senders
  /** The service's ceiling. No policy acts above it. */
  readonly ceiling: Mode
  readonly ownNamespace: string | undefined
  readonly faults: Faults
  readonly recorder: Pick<Recorder, 'sampled'>
}

/**
 * What deciding may use. It has no clock: a decision gets the instant for which it is made, so that the same code can decide
 * for another time.
 */
export interface DecidePorts extends ReadingPorts {
  /** Waits between two samples. Resolves when the instant has come. */
  readonly until: (instant: number, signal: AbortSignal) => Promise<void>
  /** Milliseconds since some fixed beginning. It measures only how long each stage took. */
  readonly stopwatch: () => number
}

/** What a phase of a run may use to decide and to write to the cluster. It says what is to be saved, and saves nothing. */
export interface PhasePorts extends ReadingPorts {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: ReadingPorts['ledger'] & Pick<Ledger, 'intentOf' | 'incident' | 'unadmitted' | 'handedOver' | 'audit'>
  readonly channels: Channels
  /** Whether Astern gives up the fields that a write made it the owner of, so that the next deploy finds no conflict. */
  readonly fieldOwnership: FieldOwnership
  /** Sleeps without the run's place in the worker, so that another run can have it. Absent where there are no places. */
  readonly rest?: (sleep: () => Promise<void>) => Promise<void>
}

/** Everything outside the pipeline that it uses. */
export interface Ports extends PhasePorts {
  readonly ledger: Ledger
  readonly cluster: Cluster
  readonly policies: PolicyBook
  readonly recorder: Recorder
}

/** The ports of a decision about the present. */
export function decidePorts(ports: PhasePorts): DecidePorts {
  const { clock, rest = sleep => sleep() } = ports
  return {
    ...ports,
    stopwatch: clock.now,
    async until(instant, signal) {
      const ms = instant - clock.now()
      if (ms > 0) await rest(() => clock.sleep(ms, signal))
    }
  }
}

/** The action of that name. @throws Error where there is none: the loader lets no other name through */
export function actionOf(ports: Pick<DecidePorts, 'actions'>, name: string): Action {
  const action = ports.actions.find(candidate => candidate.name === name)
  if (action === undefined) throw new Error(`policy names action ${name}, which was not checked at load`)
  return action
}

/** What a run may do by configuration. */
export function configuredPermission(ports: Pick<DecidePorts, 'policies' | 'ceiling'>, run: Run): Permission {
  const { policy } = run
  return permissionOf({
    policy: policy.mode,
    current: ports.policies.policy(policy.name)?.mode,
    ceiling: ports.ceiling,
    ceilingThen: run.ceiling
  })
}
