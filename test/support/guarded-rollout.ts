import type { Test } from 'tap'
import { MINUTE, SECOND } from '../../src/base/clock.ts'
import { createDeployGuards } from '../../src/deploy-guard/deploy-guards.ts'
import { createGuardEvidence } from '../../src/deploy-guard/evidence.ts'
import type { GuardPorts } from '../../src/deploy-guard/ports.ts'
import type { Numbers } from '../../src/deploy-guard/sessions.ts'
import { createSessions } from '../../src/deploy-guard/sessions.ts'
import { createGuardWorker, type GuardWorker } from '../../src/deploy-guard/worker.ts'
import type { DeployGuard, DeployGuardOptions, GuardPolicy } from '../../src/domain/deploy-guard.ts'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import type { DeployGuards, StartedGuard } from '../../src/domain/ports/deploy-guards.ts'
import { type FaultPoint, noFaults } from '../../src/domain/ports/faults.ts'
import type { GuardEvidence } from '../../src/domain/ports/guard-evidence.ts'
import type { GuardedLook } from '../../src/domain/ports/guarded-cluster.ts'
import type { Ledger } from '../../src/domain/ports/ledger.ts'
import type { Workload } from '../../src/domain/workload.ts'
import { USUAL_GUARD_METRICS } from '../../src/policies/guard-metrics.ts'
import type { NumberSource, Said, Wanted } from '../../src/verification/sequential/counting/number-source.ts'
import type { Scrape } from '../../src/verification/sequential/counting/scrape.ts'
import { StoryClock } from './bench.ts'
import { GUARD_OPTIONS, guardPolicyOf } from './deploy-guards.ts'
import { countingIds, openLedger } from './open-ledger.ts'
import { NOON, revisionOf, TARGET, workloadOf } from './workloads.ts'

const METRIC = 'http_requests_total'
/** Seconds. */
const BLOCK = 15
const STEP = 5 * SECOND

/** A rollout of v2 that began at NOON, its traffic, and everything that watches it but the run. */
export interface GuardedRollout {
  readonly clock: StoryClock
  readonly ledger: Ledger
  readonly guards: DeployGuards
  readonly evidence: GuardEvidence
  worker: GuardWorker
  workload: Workload
  /** Requests a second of each pod, and the share of them that is bad. */
  rate: number
  share: { old: number; new: number }
  /** Paths that each pod has series of, at the beginning and later. */
  paths: { asked: number; counted: number }
  /** False while the source is away. */
  answers: boolean
  /** What the cluster says instead. */
  away: Exclude<GuardedLook, { readonly kind: 'found' }> | undefined
  pods: readonly GuardedPod[]
  /** The looks that were asked of the source. */
  readonly asked: Wanted[]
  /** What the source answers to a query for one number, and the queries. */
  number: Said<number | undefined>
  readonly queries: string[]
  /** Where the process dies. */
  dies: FaultPoint | undefined
  start(options?: Partial<DeployGuardOptions>): Promise<StartedGuard>
  guard(): Promise<DeployGuard>
  /** Lets time pass, looking at whatever becomes due on the way. */
  pass(ms: number): Promise<void>
  /** Another process takes over: nothing of the first is left but the ledger. */
  restart(): void
}

/** Raised where a story lets the process die. */
export class Killed extends Error {}

export const V1 = revisionOf(1, 'app:v1', NOON - 300 * MINUTE)
export const V2 = revisionOf(2, 'app:v2', NOON)

function guarded(version: 'old' | 'new', index: number): GuardedPod {
  const born = version === 'old' ? NOON - 300 * MINUTE : NOON
  const none = { annotations: {}, ports: [], probes: [], containers: [] }
  return {
    uid: `${version}-${index}`,
    name: `api-${version}-${index}`,
    namespace: 'shop',
    version,
    bornAt: born,
    readyFrom: born,
    restarts: 0,
    ...none
  }
}

export async function openGuardedRollout(t: Test, options: { readonly entry?: GuardPolicy | undefined } = {}): Promise<GuardedRollout> {
  const clock = new StoryClock(NOON + 2 * SECOND)
  const entry = 'entry' in options ? options.entry : guardPolicyOf()
  const ids = countingIds()
  const ledger = await openLedger(t, { ids })
  const rollout: GuardedRollout = {
    clock,
    ledger,
    workload: workloadOf([V1, V2]),
    rate: 20,
    share: { old: 0, new: 0 },
    paths: { asked: 1, counted: 1 },
    answers: true,
    away: undefined,
    pods: [guarded('old', 1), guarded('old', 2), guarded('new', 1), guarded('new', 2)],
    asked: [],
    number: { kind: 'said', value: undefined },
    queries: [],
    dies: undefined,
    worker: undefined as unknown as GuardWorker,
    guards: undefined as unknown as DeployGuards,
    evidence: undefined as unknown as GuardEvidence,
    async start(options = {}) {
      const request = { target: TARGET, by: 'ci', options: { ...GUARD_OPTIONS, ...options }, change: {} }
      return rollout.guards.start(request, new AbortController().signal)
    },
    async guard() {
      const [guard] = await ledger.guards(1)
      if (guard === undefined) throw new Error('there is no guard')
      return guard
    },
    async pass(ms) {
      const end = clock.now() + ms
      for (;;) {
        const due = await ledger.nextGuardDue()
        if (due === undefined || due > end) break
        clock.tick(Math.max(0, due - clock.now()))
        await rollout.worker.turn()
      }
      clock.tick(Math.max(0, end - clock.now()))
    },
    restart() {
      rollout.worker = createGuardWorker(ports, `worker-${ids.next()}`)
    }
  }
  const ports: GuardPorts = {
    clock,
    ids,
    ledger,
    cluster: {
      look: async () => rollout.away ?? { kind: 'found', workload: rollout.workload, pods: rollout.pods },
      read: async () => ({ kind: 'found', workload: rollout.workload }),
      owners: async () => [],
      clockOffset: () => 0
    },
    sessions: createSessions(() => numbersOf(rollout), clock.now),
    entry: () => entry,
    usualMetrics: USUAL_GUARD_METRICS,
    ceiling: 'auto',
    faults: {
      reach(point) {
        noFaults.reach(point)
        if (rollout.dies === point) throw new Killed(point)
      }
    },
    failed(what, cause) {
      if (!(cause instanceof Killed)) throw new Error(what, { cause })
    }
  }
  return Object.assign(rollout, {
    guards: createDeployGuards(ports, () => {}),
    evidence: createGuardEvidence(ports),
    worker: createGuardWorker(ports, 'worker')
  })
}

/** A source that has each pod's counters every five seconds, and nothing of before the deploy but the last scrape. */
function numbersOf(rollout: GuardedRollout): Numbers {
  const away = { kind: 'unsaid', because: 'unreachable', detail: 'connection refused' } as const
  const source: NumberSource = {
    name: 'the story',
    labels: async (_pods, metrics) =>
      rollout.answers
        ? {
            kind: 'said',
            value: metrics.includes(METRIC)
              ? ['200', '500'].flatMap(code => manyPaths(rollout.paths.asked).map(path => ({ __name__: METRIC, code, ...path })))
              : []
          }
        : away,
    interval: async () => ({ kind: 'said', value: BLOCK }),
    async scrapes(asked) {
      rollout.asked.push(asked)
      if (!rollout.answers) return away
      const scrapes: Scrape[] = []
      for (let at = Math.ceil((asked.from + 1) / STEP) * STEP; at <= asked.to; at += STEP)
        for (const pod of asked.pods) if (at >= pod.bornAt) scrapes.push(scrapeOf(rollout, pod, at))
      return { kind: 'said', value: scrapes }
    }
  }
  const number = async (promql: string): Promise<Said<number | undefined>> => {
    rollout.queries.push(promql)
    return rollout.number
  }
  return { sources: [source], number, close: () => {} }
}

/** Counters since the pod's birth: its share was always what it is now. */
function scrapeOf({ rate, share, paths }: GuardedRollout, { uid, version, bornAt, restarts }: GuardedPod, at: number): Scrape {
  const requests = Math.floor((rate * (at - bornAt)) / SECOND)
  const bad = Math.floor(requests * share[version])
  const series = (code: string, value: number) => ({ labels: { __name__: METRIC, code }, value })
  const more = manyPaths(paths.counted).slice(1)
  const idle = more.map(path => ({ labels: { __name__: METRIC, code: '200', ...path }, value: 0 }))
  return { pod: uid, at, restarts, series: [series('200', requests - bad), series('500', bad), ...idle] }
}

/** Labels of so many paths; one path is no label. */
function manyPaths(count: number): readonly Readonly<Record<string, string>>[] {
  return [{}, ...Array.from({ length: count - 1 }, (_, index) => ({ path: `/orders/${index}` }))]
}
