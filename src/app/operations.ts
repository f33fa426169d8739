import type { Operations } from '../api/operations.ts'
import { type Scrub, scrubbedCopy } from '../base/secrets.ts'
import type { KubeClient } from '../cluster/kube-client.ts'
import { targetKey } from '../domain/objects.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { SightState } from '../lookout/lookout.ts'
import type { Heartbeat } from '../notify/heartbeat.ts'
import { ANSWER_WITHIN_MS, prepareDryRun, samplingTime } from '../pipeline/decide/dry-run.ts'
import type { Ports } from '../pipeline/ports.ts'
import { dryRun } from '../pipeline/settle/dry-run.ts'
import { requestRun } from '../pipeline/settle/request.ts'
import type { Worker } from '../pipeline/worker.ts'
import type { PolicyStore } from '../policies/store.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Answering } from './answering.ts'
import type { Reloads } from './reload.ts'
import type { Sources } from './sources.ts'
import type { Watching } from './watching.ts'

export interface OperationsParts {
  readonly ports: Ports
  readonly store: PolicyStore
  readonly worker: Worker
  readonly answering: Pick<Answering, 'handOver' | 'states'>
  readonly metrics: Metrics
  readonly reload: () => Promise<Reloads>
  readonly sources: () => Sources
  readonly kube: KubeClient
  readonly kubeState: () => string
  readonly watching: Pick<Watching, 'states'>
  /** How far Astern sees. */
  readonly sights: () => readonly SightState[]
  /** Undefined where no heartbeat is configured. */
  readonly heart: () => ReturnType<Heartbeat['state']> | undefined
  readonly mode: Mode
  readonly server: string
  /** Takes known credentials out of what sources and the cluster say. */
  readonly scrub: Scrub
}

const STATUS_DEADLINE_MS = 5_000
const LOANS_SHOWN = 100

/** Makes what the API's routes call, out of the parts that do the work. */
export function createOperations(parts: OperationsParts): Operations {
  const { ports, store, worker, metrics } = parts
  const { ledger, clock } = ports
  metrics.onCollect(async () => {
    const now = clock.now()
    const [runs, undelivered, inLine, state, storm] = await Promise.all([
      ledger.runCounts(),
      ledger.undelivered(),
      ledger.incidentsInLine(),
      ledger.switchState(),
      ledger.storm(now)
    ])
    return {
      runs,
      undelivered,
      intake: ledger.pending(),
      inLine,
      switchLowered: state.mode !== 'auto',
      storm: storm !== undefined,
      watches: parts.watching.states(),
      answers: parts.answering.states().flatMap(state => (state.way === 'socket' ? [state] : [])),
      blind: parts.sights().flatMap(({ kind, state }) => (state === 'blind' ? [kind] : []))
    }
  })
  return {
    ledger,
    now: clock.now,
    nextId: ports.ids.next,
    policies: () => store.current().policies,
    guardPolicies: () => store.current().guards,
    match: labels => store.index().match(labels),
    explain: labels => store.index().explain(labels),
    async dryRun(request) {
      const run = prepareDryRun(ports, request)
      const signal = AbortSignal.timeout(samplingTime(request.policy) + 60_000)
      if (samplingTime(request.policy) <= ANSWER_WITHIN_MS)
        return { kind: 'answered', answer: scrubbedCopy(await dryRun(ports, run, signal), parts.scrub) }
      await ledger.saveDryRun(run, [])
      dryRun(ports, run, signal).catch((cause: unknown) => ports.recorder.failed(`dry run ${run.id}`, cause))
      return { kind: 'started', id: run.id }
    },
    async run(request) {
      const asked = await requestRun(ports, request)
      worker.kick()
      return asked
    },
    async reload() {
      const read = await parts.reload()
      if (read.policies.kind !== 'bad' && read.tokens.kind !== 'bad')
        return { kind: read.policies.kind, policies: store.current().policies.length, tokens: read.tokens.kind }
      return {
        kind: 'bad',
        problems: read.policies.kind === 'bad' ? read.policies.problems : [],
        ...(read.tokens.kind === 'bad' ? { tokens: read.tokens.message } : {})
      }
    },
    switched: () => worker.kick(),
    handOver: parts.answering.handOver,
    async status() {
      const signal = AbortSignal.timeout(STATUS_DEADLINE_MS)
      const now = clock.now()
      const [sources, version, state, storm, writable, runs, undelivered, loans] = await Promise.all([
        parts.sources().status(signal),
        parts.kube.get('/version', signal),
        ledger.switchState(),
        ledger.storm(now),
        ledger.checkWritable().then(
          () => 'takes writes',
          (cause: unknown) => `does not take writes: ${cause instanceof Error ? cause.message : String(cause)}`
        ),
        ledger.runCounts(),
        ledger.undelivered(),
        ledger.heldLoans(LOANS_SHOWN)
      ])
      return {
        mode: parts.mode,
        switch: { ...state, at: new Date(state.at).toISOString() },
        storm:
          storm === undefined
            ? null
            : { ...storm, startedAt: new Date(storm.startedAt).toISOString(), calmAt: new Date(storm.calmAt).toISOString() },
        cluster: {
          server: parts.server,
          reachable: version.kind === 'ok',
          detail: parts.scrub(version.kind === 'ok' ? String(version.object['gitVersion'] ?? '') : version.detail),
          breaker: parts.kubeState(),
          clockOffsetMs: ports.cluster.clockOffset(),
          watches: parts.watching.states().map(({ detail, since, ...watch }) => ({
            ...watch,
            sees: watch.state === 'watching',
            since: new Date(since).toISOString(),
            detail: parts.scrub(detail)
          }))
        },
        sources: scrubbedCopy(sources, parts.scrub),
        sight: parts.sights().map(({ kind, state, detail, since }) => ({
          kind,
          state,
          detail: parts.scrub(detail),
          ...(since === undefined ? {} : { since: new Date(since).toISOString() })
        })),
        heartbeat: toldHeartbeat(parts.heart(), parts.scrub),
        ledger: writable,
        policies: { count: store.current().policies.length, version: store.version() },
        runs,
        undelivered,
        answers: parts.answering
          .states()
          .map(state => (state.way === 'socket' ? { ...state, since: new Date(state.since).toISOString() } : state)),
        // What Astern or people still have to give back.
        borrowed: loans.map(({ runId, plan, loan, nextAt }) => ({
          run: runId,
          target: targetKey(plan.target),
          kind: loan.kind,
          what: loan.summary,
          nextAt: new Date(nextAt).toISOString()
        }))
      }
    },
    async ready() {
      try {
        await ledger.checkWritable()
        return { ready: true, detail: `${store.current().policies.length} policies are loaded` }
      } catch (cause) {
        return { ready: false, detail: `the ledger does not take writes: ${cause instanceof Error ? cause.message : String(cause)}` }
      }
    },
    metrics: async () => ({ type: metrics.registry.contentType, text: await metrics.registry.metrics() })
  }
}

/** How the outward heartbeat stands; null where there is none. */
function toldHeartbeat(state: ReturnType<OperationsParts['heart']>, scrub: Scrub) {
  if (state === undefined) return null
  const { last, sentAt } = state
  return {
    result: last?.result ?? 'not yet',
    detail: scrub(last?.detail ?? ''),
    at: last === undefined ? null : new Date(last.at).toISOString(),
    sentAt: sentAt === undefined ? null : new Date(sentAt).toISOString()
  }
}
