import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { KnownIncident } from '../../../src/ledger/alert-effect.ts'
import { keyed, keysOf, planIntake } from '../../../src/ledger/intake-plan.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { NOON } from '../../support/workloads.ts'

/** Frozen through and through: whatever changes what it is given throws. */
function frozen<T>(value: T): T {
  // Bytes cannot be frozen.
  if (value instanceof Uint8Array) return value
  if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) frozen(one)
  return Object.freeze(value)
}

const KNOWN: KnownIncident = frozen({
  id: 'known',
  state: 'open',
  starts_at: NOON,
  episode_starts_at: NOON,
  resolved_at: null,
  reopened: 0,
  last_seen_at: NOON,
  later_start: null,
  later_start_look: null
})
const RESOLVED: KnownIncident = frozen({ ...KNOWN, state: 'resolved', resolved_at: NOON })

const A = { alertname: 'A' }
const firing = (seconds: number) => deliveryOf([alertOf(A)], { receivedAt: NOON + seconds * SECOND })
const resolved = (seconds: number) => {
  const at = NOON + seconds * SECOND
  return deliveryOf([alertOf(A, { status: 'resolved', endsAt: at })], { receivedAt: at })
}

function planOf(deliveries: readonly ReturnType<typeof deliveryOf>[], known?: KnownIncident) {
  const received = frozen(keyed(deliveries))
  const rows = new Map(known === undefined ? [] : [...keysOf(received).keys()].map(key => [key, known]))
  return planIntake(received, rows, frozen(['id-1', 'id-2', 'id-3']))
}

t.test('a plan changes nothing of what it is given, and the same alerts give the same plan', async t => {
  const deliveries = [firing(1), resolved(2), firing(3)]
  t.same(planOf(deliveries, KNOWN), planOf(deliveries, KNOWN))
})

t.test('only the time last seen moves for a heartbeat', async t => {
  const plan = planOf([firing(1), firing(2)], KNOWN)
  t.same(plan.seen, [{ ...KNOWN, last_seen_at: NOON + 2 * SECOND }])
  t.same([plan.fresh, plan.changed, plan.audit], [[], [], []])
  t.same([...plan.due], ['known'])
})

t.test('what happens within one batch adds up, in its order', async t => {
  const plan = planOf([firing(1), resolved(2), firing(3), firing(4)], KNOWN)
  t.same(
    plan.answers.flat().map(answer => answer.state),
    ['heartbeat', 'resolved', 'reopened', 'heartbeat']
  )
  t.match(plan.changed, [{ id: 'known', state: 'open', resolved_at: null, reopened: 1, last_seen_at: NOON + 4 * SECOND }])
  t.same(plan.seen, [], 'it stands in one list')
  t.same(
    plan.audit.map(entry => entry.kind),
    ['incident-resolved', 'incident-reopened']
  )
  t.same([...plan.reopened], ['known'])
})

t.test('a new incident that is resolved within the batch is stored as it is after it', async t => {
  const plan = planOf([firing(1), resolved(2)])
  t.match(plan.fresh, [{ id: 'id-1', state: 'resolved', resolved_at: NOON + 2 * SECOND, opened_at: NOON + SECOND }])
  t.same([plan.seen, plan.changed], [[], []])
})

t.test('each new incident has an identifier of its own', async t => {
  const plan = planOf([deliveryOf([alertOf({ alertname: 'A' }), alertOf({ alertname: 'B' }), alertOf({ alertname: 'A' })])])
  t.same(
    plan.answers.flat().map(answer => [answer.id, answer.state]),
    [
      ['id-1', 'opened'],
      ['id-2', 'opened'],
      ['id-1', 'heartbeat']
    ]
  )
  t.throws(() => planIntake(keyed([firing(1)]), new Map(), []), /1 incidents were opened with 0 identifiers/)
})

t.test('what was resolved long ago is opened anew, with an identifier of its own', async t => {
  t.match(planOf([firing(HOUR / SECOND)], RESOLVED), { fresh: [{ id: 'id-1' }], changed: [], seen: [] })
  t.match(planOf([firing(MINUTE / SECOND)], RESOLVED), { fresh: [], changed: [{ id: 'known', reopened: 1 }] })
})
