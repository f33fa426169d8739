import type { AuditFact, AuditKind } from './audit.ts'
import type { AuditBodies, ReturnResult, WriteOutcome } from './audit-bodies.ts'
import type { PassedRung, PlannedFacts } from './decision-facts.ts'
import type { TraceEntry } from './dry-run.ts'
import type { Outcome } from './outcomes.ts'
import type { Intent, Plan } from './plan.ts'
import type { HeldLoan } from './ports/ledger.ts'
import type { Refusal } from './reasons.ts'
import type { Run } from './run.ts'
import { askedBy, incidentOf } from './trigger.ts'

/** When it happened, and which run and incident a fact is about. */
export interface About {
  readonly at: number
  readonly runId?: string | undefined
  readonly incidentId?: string | undefined
  /** The rung of the run's ladder. */
  readonly step?: number
  /** Who asked for the run; absent where an alert began it. */
  readonly askedBy?: string | undefined
}

/** The same for a fact about a rung. */
export interface AboutRung extends About {
  readonly step: number
  /** The rung's action. */
  readonly action?: string
}

/** For facts about a run where it stands. */
export function ofRun(run: Run, at: number): AboutRung {
  const action = run.policy.steps[run.step]?.action
  const { id, trigger, step } = run
  const about = { at, runId: id, incidentId: incidentOf(trigger)?.id, askedBy: askedBy(trigger), step }
  return action === undefined ? about : { ...about, action }
}

/** What was decided, and how far it came. */
export type Decision = {
  readonly trace: readonly TraceEntry[]
  /** Rungs that were passed over on the way. */
  readonly passed?: readonly PassedRung[]
} & ({ readonly verdict: 'act'; readonly facts: PlannedFacts } | { readonly verdict: 'hold' | 'would act'; readonly refusal: Refusal })

interface Concluded {
  readonly outcome: Outcome
  readonly refusal?: Refusal | undefined
  readonly detail: string
  readonly wrote: boolean
  readonly reverse?: string | undefined
  readonly repair?: string | undefined
}

function fact<Kind extends AuditKind>(kind: Kind, { at, runId, incidentId, askedBy }: About, body: AuditBodies[Kind]): AuditFact<Kind> {
  const named = askedBy === undefined ? body : { ...body, askedBy }
  return { at, kind, ...(runId === undefined ? {} : { runId }), ...(incidentId === undefined ? {} : { incidentId }), body: named }
}

/** For kinds whose body is told as it is. */
function plain<Kind extends AuditKind>(kind: Kind) {
  return (about: About, body: AuditBodies[Kind]): AuditFact<Kind> => fact(kind, about, body)
}

/** The body of a kind that tells of a rung: its number comes with whatever the fact is about. */
type OnRung<Kind extends 'rollout' | 'on-the-way' | 'confirmation' | 'next-step'> = Omit<AuditBodies[Kind], 'step'>

function toldLoan({ id, plan }: HeldLoan) {
  return { loan: id, action: plan.action, target: plan.target }
}

/** `deploy-marker` → `deployMarker`. */
type Named<Kind extends string> = Kind extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<Named<Rest>>}` : Kind

/** Makes every fact for the record, one function a kind: no other place writes one. */
export const audited = {
  alertsRefused: plain('alerts-refused'),
  incidentOpened: plain('incident-opened'),
  incidentReopened: plain('incident-reopened'),
  incidentResolved: plain('incident-resolved'),
  incidentExpired: plain('incident-expired'),
  noPolicyMatches: plain('no-policy-matches'),
  runStarted: plain('run-started'),
  runReopened: plain('run-reopened'),
  decision(about: AboutRung, decision: Decision) {
    const { trace, passed = [] } = decision
    const decided = {
      step: about.step,
      ...(about.action === undefined ? {} : { action: about.action }),
      stages: trace.map(({ stage, ms }) => ({ stage, ms })),
      ...(passed.length === 0 ? {} : { passed })
    }
    if (decision.verdict === 'act') return fact('decision', about, { ...decided, verdict: decision.verdict, ...decision.facts })
    const { reason, detail, facts } = decision.refusal
    return fact('decision', about, { ...decided, verdict: decision.verdict, reason, detail, ...(facts === undefined ? {} : { facts }) })
  },
  intent(about: About, { id, plan }: { readonly id: string; readonly plan: Plan }) {
    const { action, target, hash, summary, reverse, write } = plan
    return fact('intent', about, { intent: id, action, target, plan: hash, summary, reverse, write })
  },
  intentWithdrawn(about: About, { intent, refusal }: { readonly intent: Intent; readonly refusal: Refusal }) {
    return fact('intent-withdrawn', about, { intent: intent.id, reason: refusal.reason, detail: refusal.detail, sends: intent.sends })
  },
  write(about: About, wrote: { readonly intent: Intent; readonly result: WriteOutcome; readonly detail: string }) {
    const { result, detail, intent } = wrote
    const { action, target, hash, from, to, reverse } = intent.plan
    const body = { result, detail, intent: intent.id, action, target, plan: hash, from, reverse }
    return fact('write', about, to === undefined ? body : { ...body, to })
  },
  rollout: (about: AboutRung, body: OnRung<'rollout'>) => fact('rollout', about, { step: about.step, ...body }),
  onTheWay: (about: AboutRung, body: OnRung<'on-the-way'>) => fact('on-the-way', about, { step: about.step, ...body }),
  confirmation: (about: AboutRung, body: OnRung<'confirmation'>) => fact('confirmation', about, { step: about.step, ...body }),
  nextStep: (about: AboutRung, body: OnRung<'next-step'>) => fact('next-step', about, { step: about.step, ...body }),
  concluded(about: About, { outcome, refusal, detail, wrote, reverse, repair }: Concluded) {
    return fact('concluded', about, {
      outcome,
      ...(refusal === undefined ? {} : { reason: refusal.reason }),
      ...(refusal?.facts === undefined ? {} : { facts: refusal.facts }),
      detail,
      ...(about.step === undefined ? {} : { step: about.step }),
      wrote,
      ...(reverse === undefined ? {} : { reverse }),
      ...(repair === undefined ? {} : { repair })
    })
  },
  told: plain('told'),
  wouldTell: plain('would-tell'),
  delivered: plain('delivered'),
  deliveryFailed: plain('delivery-failed'),
  switch: plain('switch'),
  policiesLoaded: plain('policies-loaded'),
  storm: plain('storm'),
  deployMarker: plain('deploy-marker'),
  fieldsGivenUp(
    about: AboutRung,
    given: { readonly intent: string; readonly plan: Plan; readonly result: 'given-up' | 'kept'; readonly detail: string }
  ) {
    const { intent, plan, result, detail } = given
    return fact('fields-given-up', about, { step: about.step, result, detail, intent, action: plan.action, target: plan.target })
  },
  loanReturned(
    about: About,
    { held, result, detail }: { readonly held: HeldLoan; readonly result?: ReturnResult; readonly detail: string }
  ) {
    return fact('loan-returned', about, { ...toldLoan(held), ...(result === undefined ? {} : { result }), detail })
  },
  loanKept(about: About, { held, result, detail }: { readonly held: HeldLoan; readonly result: ReturnResult; readonly detail: string }) {
    return fact('loan-kept', about, { ...toldLoan(held), result, detail })
  },
  reminded(about: About, { held, detail }: { readonly held: HeldLoan; readonly detail: string }) {
    return fact('reminded', about, { ...toldLoan(held), detail })
  },
  guardStarted: plain('guard-started'),
  guardJudges: plain('guard-judges'),
  guardEnded: plain('guard-ended'),
  handedOver: plain('handed-over'),
  blindnessBegan: plain('blindness-began'),
  blindnessOver: plain('blindness-over')
} as const satisfies { readonly [Kind in AuditKind as Named<Kind>]: (...given: never[]) => AuditFact<Kind> }
