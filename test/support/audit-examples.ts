import { MINUTE } from '../../src/base/clock.ts'
import type { AuditFact, AuditKind } from '../../src/domain/audit.ts'
import { type AboutRung, audited } from '../../src/domain/audited.ts'
import type { DecisionFacts, PlannedFacts } from '../../src/domain/decision-facts.ts'
import { toldPlan } from '../../src/domain/decision-facts.ts'
import type { Intent, Plan } from '../../src/domain/plan.ts'
import type { HeldLoan } from '../../src/domain/ports/ledger.ts'
import type { Sample } from '../../src/domain/verdict.ts'
import { GUARD_OPTIONS } from './deploy-guards.ts'
import { NOON, TARGET } from './workloads.ts'

const PLAN: Plan = {
  action: 'rollout-undo',
  target: TARGET,
  summary: 'put revision 1 back',
  reverse: 'kubectl rollout undo',
  uid: 'uid-api',
  write: {
    kind: 'json-patch',
    path: '/apis/apps/v1/namespaces/shop/deployments/api',
    operations: [
      { op: 'test', path: '/spec/template', value: { bad: true } },
      { op: 'replace', path: '/spec/template', value: { bad: false } }
    ],
    mark: 'add'
  },
  from: 'bad',
  to: 'good',
  bad: ['bad'],
  facts: { toRevision: 1, candidates: [{ revision: 1, images: 'app:v1' }] },
  hash: 'hash-of-it'
}
const { to: _, ...NOT_KNOWN } = PLAN
const INTENT: Intent = { id: 'i1', runId: 'r1', step: 0, plan: PLAN, state: 'pending', createdAt: NOON, sends: 1 }
const LOAN = { kind: 'return', summary: 'scale back to 3', after: MINUTE, atMost: 60 * MINUTE } as const
const HELD: HeldLoan = {
  id: 'l1',
  runId: 'r1',
  plan: PLAN,
  loan: { ...LOAN, write: { kind: 'scale', path: '/scale' } },
  reminders: 0
}

const SAMPLE: Sample = {
  time: NOON,
  verdict: 'fail',
  queries: [{ query: 'error ratio', promql: 'a / b', time: NOON, verdict: 'fail', value: 0.4, traffic: 20, tookMs: 3 }]
}
const NO_DATA: Sample = {
  time: NOON,
  verdict: 'inconclusive',
  problem: 'no-data',
  queries: [{ query: 'q', promql: 'a', time: NOON, verdict: 'inconclusive', problem: 'no-data', detail: 'no series', tookMs: 3 }]
}

const RELEASE = {
  name: 'api',
  namespace: 'shop',
  latest: { revision: 7, status: 'deployed', changedAt: NOON, finishedAt: NOON, earlier: [{ revision: 6, from: NOON - MINUTE, to: NOON }] }
}
const MARKER = { id: 'm1', at: NOON, version: 'v7', commit: 'abc', author: 'ann', url: 'https://ci.example/7', by: 'ci' }
const PLANNED: PlannedFacts = {
  plan: toldPlan(PLAN),
  samples: [SAMPLE, SAMPLE],
  serverDryRun: 'accepted',
  symptom: { since: NOON - MINUTE, orBefore: false, resolution: 36_000, queries: ['error ratio'], measuredAt: NOON },
  change: { kind: 'known', at: NOON - MINUTE, by: 'watch' },
  releaseChange: { kind: 'unknown', why: 'it cannot be seen' },
  release: { name: 'api', namespace: 'shop', unseen: 'no right to' },
  markers: [MARKER]
}
/** Each fact of the record; no refusal ever has all of them. */
const EVERY: DecisionFacts = {
  ...PLANNED,
  release: RELEASE,
  warnings: ['would violate PodSecurity'],
  notLookedAt: ['Secret key (no right to get secrets)'],
  changedBy: 'reloader',
  differs: ['variable A of main'],
  movedImage: { container: 'main', image: 'app:v2', at: NOON, older: 'a', newer: 'b', pods: { newer: 1, all: 2 } },
  changedAt: NOON,
  changeKnownBy: 'marker',
  template: 't',
  storm: 's1',
  targets: 50,
  calmAt: NOON,
  sample: NO_DATA,
  judged: 'a',
  found: 'b',
  passed: [{ step: 0, action: 'circuit-breaker-reset', why: 'it is closed' }],
  completedAt: NOON,
  owners: [
    { kind: 'Application', name: 'argocd/shop', enforces: 'yes', detail: 'automated sync' },
    {
      kind: 'Kustomization',
      name: 'flux-system/shop',
      enforces: 'unknown',
      detail: 'it may not be read',
      object: { path: '/k', uid: 'u', annotated: false },
      automated: { prune: true }
    }
  ],
  revert: 'put revision 1 back',
  provenFor: '10m',
  candidates: [{ revision: 1, refusedBecause: 'it is remembered as bad' }]
}

const RUN: AboutRung = { at: NOON, runId: 'r1', incidentId: 'in1', step: 0, action: 'rollout-undo' }
const INCIDENT = { at: NOON, incidentId: 'in1' }
const ASTERN = { at: NOON }
const LABELS = { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' }
const TRACE = [{ stage: 'resolve', ms: 12 }]
const ATTEMPT = { channel: 'people', key: 'r1/denied/people', attempt: 1 }
const LONG = { passed: EVERY.passed ?? [], trace: TRACE }

/** At least one fact of every kind, as its maker makes it; each optional member is there in one of them and absent in another. */
export const AUDIT_EXAMPLES: { readonly [Kind in AuditKind]: readonly AuditFact<Kind>[] } = {
  'alerts-refused': [
    audited.alertsRefused(ASTERN, {
      source: 'am',
      delivery: 'd1',
      limit: 'label-value-bytes',
      allowed: 4_096,
      count: 2,
      first: ['alerts[0] (HighErrorRatio)', 'alerts[7]']
    })
  ],
  'incident-opened': [audited.incidentOpened(INCIDENT, { source: 'am', labels: LABELS, startsAt: NOON, delivery: 'd1' })],
  'incident-reopened': [audited.incidentReopened(INCIDENT, { delivery: 'd2', startsAt: NOON, times: 1 })],
  'incident-resolved': [audited.incidentResolved(INCIDENT, { delivery: 'd3' })],
  'incident-expired': [audited.incidentExpired(INCIDENT, { why: 'no heartbeat' })],
  'no-policy-matches': [audited.noPolicyMatches(INCIDENT, {})],
  'run-started': [
    audited.runStarted(RUN, { policy: 'undo', mode: 'auto', target: TARGET, labels: LABELS, escalatesAt: NOON + MINUTE }),
    audited.runStarted({ at: NOON, runId: 'r2', askedBy: 'ann' }, { policy: 'undo', mode: 'dry-run', labels: {} })
  ],
  'run-reopened': [audited.runReopened(RUN, { why: 'the alert fires again' })],
  decision: [
    audited.decision(RUN, { verdict: 'act', facts: PLANNED, ...LONG }),
    audited.decision(RUN, { verdict: 'hold', refusal: { reason: 'frozen', detail: 'until Monday' }, trace: TRACE }),
    audited.decision(RUN, { verdict: 'hold', refusal: { reason: 'inconclusive', detail: 'q: no series', facts: EVERY }, ...LONG }),
    audited.decision(RUN, { verdict: 'would act', refusal: { reason: 'mode-dry-run', detail: 'would put', facts: PLANNED }, trace: [] })
  ],
  intent: [audited.intent(RUN, { id: 'i1', plan: PLAN })],
  'intent-withdrawn': [
    audited.intentWithdrawn(RUN, { intent: INTENT, refusal: { reason: 'changed-since-symptom', detail: 'it changed', facts: EVERY } })
  ],
  write: [
    audited.write(RUN, { intent: INTENT, result: 'answered', detail: PLAN.summary }),
    audited.write(RUN, { intent: { ...INTENT, plan: NOT_KNOWN }, result: 'unknown', detail: 'sent twice' })
  ],
  rollout: [
    audited.rollout(RUN, { state: 'complete', detail: '3 of 3 are updated and available' }),
    audited.rollout(RUN, { state: 'held', detail: 'api-0 hangs in Terminating' })
  ],
  'on-the-way': [audited.onTheWay(RUN, { did: 'evicted pod api-0' })],
  confirmation: [audited.confirmation(RUN, { verdict: 'pass', passes: 1, needed: 3, sample: { ...SAMPLE, verdict: 'pass' } })],
  'next-step': [
    audited.nextStep(RUN, { from: 'rollout-restart', to: 'rollout-undo', why: 'not confirmed in time', sample: SAMPLE }),
    audited.nextStep(RUN, { from: 'circuit-breaker-reset', why: 'done' })
  ],
  concluded: [
    audited.concluded(RUN, { outcome: 'recovered', detail: 'put back', wrote: true, reverse: PLAN.reverse }),
    audited.concluded(RUN, {
      outcome: 'denied',
      refusal: { reason: 'storm', detail: '50 targets', facts: EVERY },
      detail: '50',
      wrote: false
    }),
    audited.concluded(
      { at: NOON, runId: 'r2' },
      { outcome: 'dry-run', refusal: { reason: 'frozen', detail: 'f' }, detail: 'f', wrote: false }
    )
  ],
  told: [
    audited.told(RUN, { channels: ['people', 'oncall'], storm: 's1' }),
    audited.told(RUN, { why: 'it is back', channels: [], group: { source: 'am', target: 'Deployment/shop/api' } })
  ],
  'would-tell': [audited.wouldTell(RUN, { channels: ['people'] })],
  delivered: [audited.delivered(RUN, ATTEMPT)],
  'delivery-failed': [audited.deliveryFailed({ ...RUN, runId: undefined }, { ...ATTEMPT, detail: '503', final: false })],
  switch: [audited.switch(ASTERN, { mode: 'off', reason: 'incident 7', by: 'ann' })],
  'policies-loaded': [
    audited.policiesLoaded(ASTERN, { version: 'v', policies: 7, mode: 'auto' }),
    audited.policiesLoaded(ASTERN, { version: 'w', policies: 8 })
  ],
  storm: [audited.storm(ASTERN, { storm: 's1', targets: 50, within: 5 * MINUTE })],
  'deploy-marker': [
    audited.deployMarker(ASTERN, { ...MARKER, of: 'Deployment/shop/api' }),
    audited.deployMarker(ASTERN, { id: 'm2', at: NOON, version: 'v8', by: 'ci', of: 'Release/shop/api' })
  ],
  'fields-given-up': [
    audited.fieldsGivenUp(RUN, { intent: 'i1', plan: PLAN, result: 'given-up', detail: 'deployments/api' }),
    audited.fieldsGivenUp(RUN, { intent: 'i1', plan: PLAN, result: 'kept', detail: 'forbidden' })
  ],
  'loan-returned': [
    audited.loanReturned(RUN, { held: HELD, result: 'applied', detail: LOAN.summary }),
    audited.loanReturned(RUN, { held: HELD, detail: 'people took it back' })
  ],
  'loan-kept': [audited.loanKept(RUN, { held: HELD, result: 'conflict', detail: 'somebody changed it since' })],
  reminded: [audited.reminded(RUN, { held: HELD, detail: LOAN.summary })],
  'guard-started': [
    audited.guardStarted(ASTERN, { guard: 'g1', target: TARGET, by: 'ci', options: GUARD_OPTIONS, entry: 'shop-deploys' }),
    audited.guardStarted(ASTERN, { guard: 'g2', target: TARGET, by: 'ci', options: GUARD_OPTIONS })
  ],
  'guard-judges': [
    audited.guardJudges(ASTERN, { guard: 'g1', target: TARGET, version: 'b', replaces: 'a', said: ['errors: http_requests_total'] })
  ],
  'guard-ended': [
    audited.guardEnded(ASTERN, { guard: 'g1', target: TARGET, result: 'rolled-back', detail: 'errors', grounds: ['fail'], run: 'r1' })
  ],
  'handed-over': [
    audited.handedOver(ASTERN, { by: 'ann', via: 'api', stopsWatching: false, state: 'waiting', reason: 'I look' }),
    audited.handedOver(ASTERN, { by: 'Ada', via: 'slack', person: 'T0/U0', stopsWatching: true, state: 'watching' })
  ],
  'blindness-began': [audited.blindnessBegan(ASTERN, { blindness: 'watchdog', id: 'b1', detail: 'it was never heard', told: ['people'] })],
  'blindness-over': [audited.blindnessOver(ASTERN, { blindness: 'watchdog', id: 'b1', detail: 'it is heard' })]
}
