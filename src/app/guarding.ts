import type { Clock, Ids } from '../base/clock.ts'
import { createDeployGuards } from '../deploy-guard/deploy-guards.ts'
import { createGuardEvidence } from '../deploy-guard/evidence.ts'
import type { GuardPorts } from '../deploy-guard/ports.ts'
import type { Numbers } from '../deploy-guard/sessions.ts'
import { createSessions } from '../deploy-guard/sessions.ts'
import { createGuardWorker } from '../deploy-guard/worker.ts'
import type { DeployGuardOptions, PodRoad } from '../domain/deploy-guard.ts'
import { guardPolicyFor } from '../domain/guard-entries.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { Cluster } from '../domain/ports/cluster.ts'
import type { DeployGuards } from '../domain/ports/deploy-guards.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { GuardEvidence } from '../domain/ports/guard-evidence.ts'
import type { GuardMeter } from '../domain/ports/guard-meter.ts'
import type { GuardedCluster } from '../domain/ports/guarded-cluster.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { PodPages } from '../domain/ports/pod-pages.ts'
import { USUAL_GUARD_METRICS } from '../policies/guard-metrics.ts'
import type { PolicySet } from '../policies/load.ts'
import { createPodsSource } from '../verification/pods/pods-source.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import { numberAsking } from '../verification/series/one-number.ts'
import { prometheusNumbers } from '../verification/series/prometheus-numbers.ts'
import { proxyNumbers } from '../verification/series/proxy-numbers.ts'
import type { Sources } from './sources.ts'

export interface GuardingParts {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: Ledger
  readonly cluster: Cluster
  readonly guarded: GuardedCluster
  readonly sources: () => Sources
  /** The roads to pods’ own metrics. */
  readonly pages: Readonly<Record<Exclude<PodRoad, 'off'>, PodPages>>
  readonly policies: () => Pick<PolicySet, 'guards'>
  readonly ceiling: Mode
  readonly faults: Faults
  readonly failed: (what: string, cause: unknown) => void
  /** Is called when a turn was finished in which nothing failed. */
  readonly turned: () => void
  readonly meter: GuardMeter
}

/** Deploy guards: what the API needs of them, what their runs ask, and what watches. */
export interface Guarding {
  readonly guards: DeployGuards
  readonly evidence: GuardEvidence
  start(): void
  stop(): Promise<void>
}

/** Puts deploy guards together. @param owner names this process among all that work on the ledger */
export function createGuarding(parts: GuardingParts, owner: string): Guarding {
  const { clock, ids, ledger, cluster, guarded, ceiling, faults, failed, turned, meter } = parts
  const ports: GuardPorts = {
    clock,
    ids,
    ledger,
    cluster: { look: guarded.look, read: cluster.read, owners: cluster.owners, clockOffset: cluster.clockOffset },
    sessions: createSessions(({ options }) => numbersOf(parts, options), clock.now),
    usualMetrics: USUAL_GUARD_METRICS,
    entry: namespace => guardPolicyFor(parts.policies().guards, namespace),
    ceiling,
    faults,
    failed,
    turned,
    meter
  }
  const worker = createGuardWorker(ports, owner)
  return {
    guards: createDeployGuards(ports, worker.kick),
    evidence: createGuardEvidence(ports),
    start: worker.start,
    stop: worker.stop
  }
}

/** One guard’s sources: Prometheus, which knows the past, and then the pods themselves. */
function numbersOf({ sources, clock, pages }: GuardingParts, { pods: road }: Pick<DeployGuardOptions, 'pods'>): Numbers {
  const { prometheus } = sources()
  const asking = prometheus === undefined ? undefined : { ask: prometheus.ask, clockOffset: prometheus.clockOffset, now: clock.now }
  const ofPrometheus: NumberSource[] = asking === undefined ? [] : [prometheusNumbers(asking)]
  const beside = asking === undefined ? {} : { proxies: proxyNumbers(asking), number: numberAsking(asking.ask, asking.clockOffset) }
  if (road === 'off') return { ...beside, sources: ofPrometheus, close: () => {} }
  const ofPods = createPodsSource({ pages: pages[road], clock })
  ofPods.start()
  return { ...beside, sources: [...ofPrometheus, ofPods], close: () => void ofPods.stop() }
}
