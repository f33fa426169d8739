import type { Incident } from '../../src/domain/incident.ts'
import type { Message } from '../../src/domain/message.ts'
import type { ObjectRef } from '../../src/domain/objects.ts'
import type { Plan } from '../../src/domain/plan.ts'
import type { Budget } from '../../src/domain/policy.ts'
import type { IntentRequest, Ledger } from '../../src/domain/ports/ledger.ts'
import type { Symptom } from '../../src/domain/symptom.ts'
import { policyOf } from './bench.ts'
import { alertOf, deliveryOf } from './deliveries.ts'
import { NOON, TARGET } from './workloads.ts'

const PLAN: Plan = {
  action: 'rollout-undo',
  target: TARGET,
  summary: 's',
  reverse: 'r',
  uid: 'uid-api',
  write: { kind: 'json-patch', path: '/apis/apps/v1/namespaces/shop/deployments/api', operations: [], mark: 'add' },
  from: 'bad',
  to: 'good',
  bad: ['bad'],
  facts: {},
  hash: 'h'
}

/** An incident of an alert of this name that is admitted with a run, `run-NAME`. */
export async function withRun(ledger: Ledger, name = 'A', target: ObjectRef = TARGET): Promise<Incident> {
  const incident = await opened(ledger, name)
  await ledger.admit([{ incident, at: NOON, run: { id: `run-${name}`, policy: policyOf(), ceiling: 'auto', target }, audit: [] }])
  return incident
}

/** An incident of an alert of this name that nobody admitted yet. */
export async function opened(ledger: Ledger, name: string): Promise<Incident> {
  const [answer] = await ledger.receive(deliveryOf([alertOf({ alertname: name })]))
  const incident = await ledger.incident(answer?.id ?? '')
  if (incident === undefined) throw new Error('no incident')
  return incident
}

/** A symptom that was measured a minute ago. */
export const SYMPTOM: Symptom = { since: NOON - 60_000, orBefore: false, resolution: 36_000, queries: ['error ratio'], measuredAt: NOON }

/** What a run asks for before its first write. */
export function intentRequest(
  id: string,
  more: { readonly plan?: Partial<Plan>; readonly budgets?: readonly Budget[] } = {}
): IntentRequest {
  return { id, step: 0, plan: { ...PLAN, ...more.plan }, locks: [], budgets: more.budgets ?? [], symptom: SYMPTOM, now: NOON, audit: [] }
}

export function messageOf(more: Partial<Message> = {}): Message {
  return {
    key: 'k',
    channel: 'people',
    subject: { kind: 'run', id: 'r' },
    event: 'needs-people',
    title: 't',
    text: 'x',
    severity: 'critical',
    labels: {},
    details: {},
    ...more
  }
}
