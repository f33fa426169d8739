import type { Clock, Ids } from '../base/clock.ts'
import type { GuardPolicy } from '../domain/deploy-guard.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { Cluster } from '../domain/ports/cluster.ts'
import type { Faults } from '../domain/ports/faults.ts'
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
    | 'guardMemory'
    | 'guardsUnderWay'
    | 'claimGuards'
    | 'nextGuardDue'
    | 'saveGuard'
    | 'stopGuard'
    | 'learnedOf'
    | 'targetFacts'
  >
  readonly cluster: GuardedCluster & Pick<Cluster, 'owners' | 'clockOffset'>
  readonly sessions: Sessions
  /** The entry of `guards:` for a namespace. */
  readonly entry: (namespace: string) => GuardPolicy | undefined
  readonly ceiling: Mode
  readonly faults: Faults
  readonly failed: (what: string, cause: unknown) => void
  /** Is called when a turn was finished in which nothing failed. */
  readonly turned?: () => void
}
