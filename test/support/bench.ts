import type { Test } from 'tap'
import { type ActionNeeds, createActions } from '../../src/actions/registry.ts'
import type { Clock } from '../../src/base/clock.ts'
import { MINUTE } from '../../src/base/clock.ts'
import type { AuditKind, AuditRow } from '../../src/domain/audit.ts'
import type { AlertState } from '../../src/domain/guard.ts'
import type { Point, Span } from '../../src/domain/history.ts'
import type { Alert } from '../../src/domain/incident.ts'
import type { Mode } from '../../src/domain/outcomes.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { noFaults } from '../../src/domain/ports/faults.ts'
import type { GuardEvidence } from '../../src/domain/ports/guard-evidence.ts'
import type { Ledger } from '../../src/domain/ports/ledger.ts'
import type { Run } from '../../src/domain/run.ts'
import type { Problem, Sample, Verdict } from '../../src/domain/verdict.ts'
import { GUARDS } from '../../src/guards/guards.ts'
import type { Ports } from '../../src/pipeline/ports.ts'
import { advance } from '../../src/pipeline/run.ts'
import { admitIncidents } from '../../src/pipeline/settle/admit.ts'
import { beginEpisodes } from '../../src/pipeline/settle/episodes.ts'
import { settleLoans } from '../../src/pipeline/settle/loans.ts'
import { indexPolicies } from '../../src/policies/index.ts'
import { countingIds, openLedger } from './open-ledger.ts'
import { StoryCluster } from './story-cluster.ts'
import { storyNeeds, storyTools } from './story-tools.ts'
import { badRollout, NOON } from './workloads.ts'

/** What a fault point throws where a test plays that the process died there. */
export class PlayedCrash extends Error {}

/** Time stands still until it is told to move; who sleeps moves it. */
export class StoryClock implements Clock {
  #now: number
  constructor(now = NOON) {
    this.#now = now
  }
  now = (): number => this.#now
  async sleep(ms: number): Promise<void> {
    this.#now += ms
  }
  tick(ms: number): void {
    this.#now += ms
  }
}

export function policyOf(more: Partial<Policy> = {}): Policy {
  return {
    name: 'undo',
    match: ['alertname="HighErrorRatio"'],
    target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
    mode: 'auto',
    changedWithin: 60 * MINUTE,
    verify: [
      {
        name: 'error ratio',
        promql: 'sum(rate(errors_total{namespace="{{ target.namespace }}"}[2m]))',
        failWhen: { comparison: '>', value: 0.05 },
        window: 2 * MINUTE,
        boundToPods: false,
        samples: 2,
        every: 15_000,
        maxAge: 2 * MINUTE
      }
    ],
    steps: [{ action: 'rollout-undo', with: {}, confirm: { within: 10 * MINUTE, passes: 3, every: 30_000 } }],
    guards: {
      namespaces: ['shop', 'team-*'],
      cooldown: 30 * MINUTE,
      budgets: [
        { limit: 3, per: 24 * 60 * MINUTE, scope: 'target' },
        { limit: 5, per: 60 * MINUTE, scope: 'global' }
      ],
      storm: undefined
    },
    escalate: { after: 20 * MINUTE, to: ['people'] },
    recheck: 30_000,
    ...more
  }
}

type RowOf<Kind extends AuditKind> = Extract<AuditRow, { readonly kind: Kind }>

export interface Bench {
  readonly clock: StoryClock
  readonly cluster: StoryCluster
  readonly ledger: Ledger
  readonly ports: Ports
  /** The number that the next samples give, or why there is none. */
  value: number | Problem
  /** Numbers of single queries, by their name. */
  readonly values: Map<string, number | Problem>
  /** Since when the queries fail, as they say of the past. */
  since: number
  /** What the queries say of the past, where `since` does not tell all. */
  past: ((at: number) => Verdict | undefined) | undefined
  /** Why a span of the past cannot be asked about. */
  pastProblem: (span: Span) => Problem | undefined
  /** The spans that were asked about. */
  readonly spans: Span[]
  /** The queries that were asked about the past. */
  readonly asked: string[]
  sourceOffset: number
  sourceUncertainty: number
  alertState: AlertState | undefined
  /** What the deploy guard says that began a run. */
  guarded: GuardEvidence
  /** The sources whose alerts the Alertmanager must know. */
  confirmed: string[]
  policies: Policy[]
  readonly samples: Sample[]
  fire(labels?: Readonly<Record<string, string>>, more?: Partial<Alert>, source?: string): Promise<string>
  resolve(labels?: Readonly<Record<string, string>>): Promise<void>
  /** Admits what is new and looks at every run that is due now, until nothing is. */
  look(): Promise<void>
  /** Lets time pass, looking at whatever becomes due on the way. */
  pass(ms: number): Promise<void>
  run(): Promise<Run>
  audit<Kind extends AuditKind = AuditKind>(kind?: Kind): Promise<readonly RowOf<Kind>[]>
  messages(): Promise<readonly string[]>
}

const LABELS = { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' }

/** The whole flow over a real SQLite ledger, with a cluster, a source and a clock that do as they are told. */
export async function openBench(
  t: Test,
  options: {
    readonly needs?: Partial<ActionNeeds>
    readonly policies?: Policy[]
    readonly ceiling?: Mode
    readonly authenticated?: boolean
    readonly storm?: Ports['policies']['storm']
    /** The ledger of a process that ended before, and the time by then. */
    readonly folder?: string
    readonly now?: number
  } = {}
): Promise<Bench> {
  const clock = new StoryClock(options.now)
  const ids = countingIds(options.now)
  const cluster = new StoryCluster(clock)
  cluster.put(badRollout())
  const ledger = await openLedger(t, { ids, ...(options.folder === undefined ? {} : { folder: options.folder }) })
  let serial = 0
  const bench: Bench = {
    clock,
    cluster,
    ledger,
    value: 0.4,
    values: new Map(),
    since: NOON - MINUTE,
    past: undefined,
    pastProblem: () => undefined,
    spans: [],
    asked: [],
    sourceOffset: 0,
    sourceUncertainty: 0,
    alertState: undefined,
    guarded: {
      verdict: async () => ({ kind: 'gone', refusal: { reason: 'symptom-not-confirmed', detail: 'there is no guard' } }),
      recovery: async (_guard, { to }) => sampleOf('no-data', to, [])
    },
    confirmed: [],
    policies: options.policies ?? [policyOf()],
    samples: [],
    ports: {
      clock,
      ids,
      ledger,
      cluster,
      verifier: () => ({
        async sample(queries, at) {
          const [query] = queries
          const sample = sampleOf((query === undefined ? undefined : bench.values.get(query.name)) ?? bench.value, at, queries)
          bench.samples.push(sample)
          return sample
        },
        async history(queries, span) {
          bench.spans.push(span)
          bench.asked.push(...queries.map(query => query.promql))
          const problem = bench.pastProblem(span)
          if (problem !== undefined) return { kind: 'unknown', problem, detail: problem }
          const { past = at => (at >= bench.since ? 'fail' : 'pass') } = bench
          return { kind: 'points', points: pointsOf(span, past) }
        },
        clockOffset: () => bench.sourceOffset,
        clockUncertainty: () => bench.sourceUncertainty
      }),
      alertStates: () => {
        const state = bench.alertState
        return state === undefined ? undefined : { stateOf: async () => state }
      },
      guardEvidence: {
        verdict: (...asked) => bench.guarded.verdict(...asked),
        recovery: (...asked) => bench.guarded.recovery(...asked)
      },
      actions: createActions(storyNeeds(options.needs)),
      tools: storyTools(cluster, clock, { kube: cluster.kube }),
      guards: GUARDS,
      policies: {
        match: labels => indexPolicies(bench.policies).match(labels),
        policy: name => bench.policies.find(policy => policy.name === name),
        storm: options.storm ?? (() => ({ targets: 5, within: 5 * MINUTE, calm: 10 * MINUTE }))
      },
      channels: { takes: (_channel, event) => event !== 'acted', follows: () => false, standing: ['kubernetes-event'] },
      fieldOwnership: 'give-up',
      senders: { confirmed: source => bench.confirmed.includes(source), authenticated: options.authenticated ?? true },
      ceiling: options.ceiling ?? 'auto',
      ownNamespace: 'astern',
      faults: noFaults,
      recorder: {
        waiting: () => {},
        concluded: () => {},
        wrote: () => {},
        sampled: () => {},
        slowed: () => {},
        // A crash that a test plays goes through whatever the product catches.
        failed: (what, cause) => {
          throw cause instanceof PlayedCrash ? cause : new Error(what, { cause })
        }
      }
    },
    async fire(labels = LABELS, more = {}, source = 'am') {
      serial += 1
      const alert: Alert = { status: 'firing', labels, annotations: {}, startsAt: clock.now(), generatorUrl: '', ...more }
      const [answer] = await ledger.receive({
        id: `delivery-${serial}`,
        receivedAt: clock.now(),
        source,
        externalUrl: '',
        alerts: [alert],
        refused: [],
        raw: Buffer.from('{}'),
        part: 0
      })
      return answer?.id ?? ''
    },
    async resolve(labels = LABELS) {
      await bench.fire(labels, { status: 'resolved', startsAt: clock.now(), endsAt: clock.now() })
    },
    async look() {
      const signal = new AbortController().signal
      while ((await admitIncidents(bench.ports, signal)) > 0);
      await beginEpisodes(bench.ports, signal)
      while ((await admitIncidents(bench.ports, signal)) > 0);
      await settleLoans(bench.ports, signal)
      for (;;) {
        const claimed = await ledger.claimDue('bench', clock.now(), 60_000, 64)
        if (claimed.length === 0) return
        for (const one of claimed) await advance(bench.ports, one, signal)
      }
    },
    async pass(ms) {
      const end = clock.now() + ms
      await bench.look()
      for (;;) {
        const due = await ledger.nextDue()
        if (due === undefined || due > end) break
        clock.tick(Math.max(0, due - clock.now()))
        await bench.look()
      }
      clock.tick(Math.max(0, end - clock.now()))
      await bench.look()
    },
    async run() {
      const { items } = await ledger.runs({}, undefined, 1)
      const [run] = items
      if (run === undefined) throw new Error('there is no run')
      return run
    },
    async audit(kind) {
      const rows = await ledger.audit({}, 10_000)
      return rows.filter((row): row is RowOf<NonNullable<typeof kind>> => kind === undefined || row.kind === kind)
    },
    async messages() {
      return (await ledger.claimMessages(clock.now() + 60 * MINUTE, clock.now(), 1_000))
        .filter(queued => queued.message.channel === 'people')
        .map(({ message }) => `${message.subject.kind === 'storm' ? 'storm' : message.event}: ${message.title}`)
    }
  }
  return bench
}

/** What a source says of each instant of a span; one without an answer is left out. */
export function pointsOf({ from, to, step }: Span, past: (at: number) => Verdict | undefined): Point[] {
  const points: Point[] = []
  for (let at = from; at <= to; at += step) {
    const verdict = past(at)
    if (verdict !== undefined) points.push({ at, verdict })
  }
  return points
}

export function sampleOf(
  value: number | Problem,
  time: number,
  queries: readonly { readonly name: string; readonly promql: string }[]
): Sample {
  const error: readonly Problem[] = ['unreachable', 'deadline', 'breaker-open', 'not-ready', 'query-rejected']
  const verdict: Verdict = typeof value === 'number' ? (value > 0.05 ? 'fail' : 'pass') : error.includes(value) ? 'error' : 'inconclusive'
  const common = typeof value === 'number' ? { value } : { problem: value, detail: value }
  return {
    time,
    verdict,
    ...(typeof value === 'number' ? {} : { problem: value }),
    queries: queries.map(query => ({ query: query.name, promql: query.promql, time, verdict, tookMs: 1, ...common }))
  }
}

/** Lets something happen in the moment between a stored intent and its write. */
export function afterIntent(bench: Bench, happens: () => unknown): void {
  const claimIntent = bench.ledger.claimIntent.bind(bench.ledger)
  Object.assign(bench.ledger, {
    claimIntent: async (...args: Parameters<typeof claimIntent>) => {
      const result = await claimIntent(...args)
      await happens()
      return result
    }
  })
}
