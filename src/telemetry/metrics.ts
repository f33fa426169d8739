import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { ALERT_LIMIT_NAMES, type AlertLimit } from '../domain/alert-limits.ts'
import { BLINDNESSES, type Blindness } from '../domain/blindness.ts'
import { ANSWER_RESULTS, type AnswerResult } from '../domain/hand-over.ts'
import { HEARTBEAT_RESULTS, type HeartbeatResult } from '../domain/heartbeat.ts'
import { INCIDENT_EVENTS, type IncidentEvent } from '../domain/incident.ts'
import { KINDS } from '../domain/objects.ts'
import { OUTCOMES, type Outcome } from '../domain/outcomes.ts'
import { REASONS, type Reason } from '../domain/reasons.ts'
import { PROBLEMS, type Problem, VERDICTS, type Verdict } from '../domain/verdict.ts'
import { WATCH_STATES, type WatchState } from '../domain/watch-state.ts'

/** Why a delivery was not taken: a closed set. */
export const REFUSED_DELIVERIES = [
  'malformed',
  'unauthorized',
  'forbidden',
  'unavailable',
  'too-large',
  'not-found',
  'media-type',
  'misdirected'
] as const
export type RefusedDelivery = (typeof REFUSED_DELIVERIES)[number]

/** Why a request of any kind was not granted: a closed set. */
export const REFUSED_REQUESTS = [...REFUSED_DELIVERIES, 'too-many', 'too-slow'] as const
export type RefusedRequest = (typeof REFUSED_REQUESTS)[number]

/** Astern's own metrics. Labels come from closed sets only; every series is there from the start, so that `rate` sees the first event. */
export interface Metrics {
  readonly registry: Registry
  incident(event: IncidentEvent, count: number): void
  refusedAlerts(limit: AlertLimit, count: number): void
  refusedDelivery(why: RefusedDelivery): void
  /** Deliveries are among the requests. */
  refusedRequest(why: RefusedRequest): void
  deliverySeconds(seconds: number): void
  waiting(reason: Reason): void
  concluded(outcome: Outcome, reason: Reason | undefined): void
  wrote(action: string): void
  /** So many incidents got in line for admission. */
  slowed(incidents: number): void
  sampled(verdict: Verdict, problem: Problem | undefined): void
  delivered(result: 'delivered' | 'failed' | 'refused'): void
  /** Somebody pressed a button. */
  answered(result: AnswerResult): void
  reload(good: boolean, at: number): void
  tokensReload(good: boolean): void
  /** All sources that are configured now; `offsetMs` is how far the source's clock is ahead of ours. */
  sources(seen: readonly { readonly name: string; readonly up: boolean; readonly offsetMs?: number | undefined }[]): void
  error(): void
  heartbeat(result: HeartbeatResult): void
  /** Sets how the values are read that are measured only when somebody asks for the metrics. */
  onCollect(
    collect: () => Promise<{
      readonly runs: Readonly<Record<string, number>>
      readonly undelivered: number
      readonly intake: number
      readonly inLine: number
      readonly switchLowered: boolean
      readonly storm: boolean
      readonly watches: readonly WatchState[]
      readonly answers?: readonly { readonly channel: string; readonly connected: boolean }[]
      /** The ways in which Astern is blind now. */
      readonly blind: readonly Blindness[]
    }>
  ): void
}

export function createMetrics(actions: readonly string[]): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const incidents = new Counter({
    name: 'astern_incidents_total',
    help: 'Alerts received, by what they did to their incident.',
    labelNames: ['event'],
    registers
  })
  const refused = new Counter({
    name: 'astern_deliveries_refused_total',
    help: 'Deliveries that were not taken.',
    labelNames: ['why'],
    registers
  })
  const refusedAlerts = new Counter({
    name: 'astern_alerts_refused_total',
    help: 'Alerts that were not taken, while the others of their delivery were: they are over a limit, which the label names.',
    labelNames: ['limit'],
    registers
  })
  const refusedRequests = new Counter({
    name: 'astern_requests_refused_total',
    help: 'Requests that were refused, deliveries included; the log says who sent them.',
    labelNames: ['why'],
    registers
  })
  const seconds = new Histogram({
    name: 'astern_delivery_duration_seconds',
    help: 'From the request to its answer; the delivery is durable then.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers
  })
  const waits = new Counter({
    name: 'astern_runs_waiting_total',
    help: 'Times a run began to wait, by reason.',
    labelNames: ['reason'],
    registers
  })
  const ended = new Counter({
    name: 'astern_runs_ended_total',
    help: 'Runs that ended, by outcome and reason.',
    labelNames: ['outcome', 'reason'],
    registers
  })
  const writes = new Counter({ name: 'astern_writes_total', help: 'Writes to the cluster.', labelNames: ['action'], registers })
  const slowed = new Counter({
    name: 'astern_incidents_slowed_total',
    help: 'New incidents that stood in line, because their source sent very many.',
    registers
  })
  const samples = new Counter({
    name: 'astern_verification_samples_total',
    help: 'Verification samples, by verdict.',
    labelNames: ['verdict'],
    registers
  })
  const problems = new Counter({
    name: 'astern_verification_problems_total',
    help: 'Samples without a number to decide on, by problem.',
    labelNames: ['problem'],
    registers
  })
  const messages = new Counter({ name: 'astern_messages_total', help: 'Attempts to tell people.', labelNames: ['result'], registers })
  const answers = new Counter({
    name: 'astern_answers_total',
    help: 'What people pressed in Slack, by what became of it.',
    labelNames: ['result'],
    registers
  })
  const reloadGood = new Gauge({
    name: 'astern_policies_last_reload_successful',
    help: '1 if the policy files that are there now are in force.',
    registers
  })
  const reloadAt = new Gauge({
    name: 'astern_policies_last_reload_success_timestamp_seconds',
    help: 'When the policies in force were loaded.',
    registers
  })
  const tokensGood = new Gauge({
    name: 'astern_tokens_last_reload_successful',
    help: '1 if the tokens file that is there now is in force.',
    registers
  })
  tokensGood.set(1)
  const up = new Gauge({ name: 'astern_source_up', help: '1 if the source answered when last asked.', labelNames: ['source'], registers })
  const offset = new Gauge({
    name: 'astern_source_clock_offset_seconds',
    help: 'How far the clock of the source is ahead of ours; beyond 5 s, decisions wait.',
    labelNames: ['source'],
    registers
  })
  const errors = new Counter({ name: 'astern_errors_total', help: 'Failures of Astern itself; see the log.', registers })
  const heartbeats = new Counter({
    name: 'astern_heartbeats_total',
    help: 'Outward signs of life; withheld where Astern does not work as it should.',
    labelNames: ['result'],
    registers
  })
  const gauges = {
    runs: new Gauge({ name: 'astern_runs', help: 'Runs by state.', labelNames: ['state'], registers }),
    undelivered: new Gauge({ name: 'astern_messages_undelivered', help: 'Messages that no channel has taken yet.', registers }),
    intake: new Gauge({ name: 'astern_intake_pending', help: 'Deliveries that wait for their commit.', registers }),
    inLine: new Gauge({
      name: 'astern_incidents_in_line',
      help: 'New incidents that wait for admission, because their source sent very many.',
      registers
    }),
    lowered: new Gauge({ name: 'astern_switch_lowered', help: '1 while the switch is below auto.', registers }),
    storm: new Gauge({ name: 'astern_storm', help: '1 while the storm brake holds.', registers }),
    slack: new Gauge({
      name: 'astern_slack_connected',
      help: '1 while people’s answers arrive by Socket Mode.',
      labelNames: ['channel'],
      registers
    }),
    blind: new Gauge({
      name: 'astern_blind',
      help: '1 while Astern is blind in this way, and people were told.',
      labelNames: ['kind'],
      registers
    }),
    watches: new Gauge({
      name: 'astern_watches',
      help: 'Watches of workloads, by what they watch and how they are. Only those that are `watching` see every change.',
      labelNames: ['kind', 'state'],
      registers
    })
  }
  for (const event of INCIDENT_EVENTS) incidents.inc({ event }, 0)
  for (const why of REFUSED_DELIVERIES) refused.inc({ why }, 0)
  for (const limit of ALERT_LIMIT_NAMES) refusedAlerts.inc({ limit }, 0)
  for (const why of REFUSED_REQUESTS) refusedRequests.inc({ why }, 0)
  for (const reason of Object.keys(REASONS)) waits.inc({ reason }, 0)
  for (const outcome of Object.keys(OUTCOMES)) ended.inc({ outcome, reason: '' }, 0)
  for (const verdict of VERDICTS) samples.inc({ verdict }, 0)
  for (const problem of Object.keys(PROBLEMS)) problems.inc({ problem }, 0)
  for (const result of ['delivered', 'failed', 'refused']) messages.inc({ result }, 0)
  for (const result of ANSWER_RESULTS) answers.inc({ result }, 0)
  for (const action of actions) writes.inc({ action }, 0)
  for (const result of HEARTBEAT_RESULTS) heartbeats.inc({ result }, 0)
  return {
    registry,
    incident: (event, count) => incidents.inc({ event }, count),
    refusedAlerts: (limit, count) => refusedAlerts.inc({ limit }, count),
    refusedDelivery: why => refused.inc({ why }),
    refusedRequest: why => refusedRequests.inc({ why }),
    deliverySeconds: value => seconds.observe(value),
    waiting: reason => waits.inc({ reason }),
    concluded: (outcome, reason) => ended.inc({ outcome, reason: reason ?? '' }),
    wrote: action => writes.inc({ action }),
    slowed: count => slowed.inc(count),
    sampled(verdict, problem) {
      samples.inc({ verdict })
      if (problem !== undefined) problems.inc({ problem })
    },
    delivered: result => messages.inc({ result }),
    answered: result => answers.inc({ result }),
    reload(good, at) {
      reloadGood.set(good ? 1 : 0)
      if (good) reloadAt.set(at / 1_000)
    },
    tokensReload: good => tokensGood.set(good ? 1 : 0),
    sources(seen) {
      up.reset()
      offset.reset()
      for (const source of seen) {
        up.set({ source: source.name }, source.up ? 1 : 0)
        if (source.offsetMs !== undefined) offset.set({ source: source.name }, source.offsetMs / 1_000)
      }
    },
    error: () => errors.inc(),
    heartbeat: result => heartbeats.inc({ result }),
    onCollect(collect) {
      let filling: Promise<void> | undefined
      const fill = async (): Promise<void> => {
        const now = await collect()
        for (const [state, count] of Object.entries(now.runs)) gauges.runs.set({ state }, count)
        gauges.undelivered.set(now.undelivered)
        gauges.intake.set(now.intake)
        gauges.inLine.set(now.inLine)
        gauges.lowered.set(now.switchLowered ? 1 : 0)
        gauges.storm.set(now.storm ? 1 : 0)
        gauges.slack.reset()
        for (const { channel, connected } of now.answers ?? []) gauges.slack.set({ channel }, connected ? 1 : 0)
        for (const kind of BLINDNESSES) gauges.blind.set({ kind }, now.blind.includes(kind) ? 1 : 0)
        for (const kind of Object.keys(KINDS))
          for (const state of WATCH_STATES)
            gauges.watches.set({ kind, state }, now.watches.filter(watch => watch.kind === kind && watch.state === state).length)
      }
      // Every gauge waits for the one answer of the ledger. Without that all but one would tell what was so at the scrape before.
      const shared = (): Promise<void> => {
        filling ??= fill().finally(() => {
          filling = undefined
        })
        return filling
      }
      for (const gauge of Object.values(gauges)) Object.assign(gauge, { collect: shared })
    }
  }
}
