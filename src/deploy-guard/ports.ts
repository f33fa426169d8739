import type { Clock, Ids } from '../base/clock.ts'
import type { DeployGuard, GuardPolicy } from '../domain/deploy-guard.ts'
import type { GuardMetrics } from '../domain/guard-metrics.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { Cluster } from '../domain/ports/cluster.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { GuardMeter } from '../domain/ports/guard-meter.ts'
import type { GuardedCluster } from '../domain/ports/guarded-cluster.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { Sessions } from './sessions.ts'

/** Everything outside of a deploy guard that it uses. */
export interface GuardPorts {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: Pick<
    Ledger,
    | 'beginGuard'
    | 'guard'
    | 'guards'
    | 'guardsOf'
    | 'guardMemory'
    | 'guardsUnderWay'
    | 'claimGuards'
    | 'nextGuardDue'
    | 'saveGuard'
    | 'stopGuard'
    | 'learnedOf'
    | 'targetFacts'
  >
  readonly cluster: GuardedCluster & Pick<Cluster, 'read' | 'owners' | 'clockOffset'>
  readonly sessions: Sessions
  /** The entry of `guards:` for a namespace. */
  readonly entry: (namespace: string) => GuardPolicy | undefined
  /** What is asked of metrics that are not counted pod by pod, where no entry says it. */
  readonly usualMetrics: GuardMetrics
  readonly ceiling: Mode
  readonly faults: Faults
  readonly failed: (what: string, cause: unknown) => void
  /** Is called when a turn was finished in which nothing failed. */
  readonly turned?: () => void
  /** Absent where nobody counts. */
  readonly meter?: GuardMeter
}

/** What a guard asks of the metrics that are not counted pod by pod. */
export function metricsOf({ usualMetrics }: Pick<GuardPorts, 'usualMetrics'>, { entry }: Pick<DeployGuard, 'entry'>): GuardMetrics {
  return entry?.asked ?? usualMetrics
}
