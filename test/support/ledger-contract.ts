import type { Test } from 'tap'
import { MINUTE, SECOND } from '../../src/base/clock.ts'
import { audited } from '../../src/domain/audited.ts'
import type { Alert } from '../../src/domain/incident.ts'
import type { Ledger } from '../../src/domain/ports/ledger.ts'
import { policyOf } from './bench.ts'
import { alertOf, deliveryOf } from './deliveries.ts'
import { fairSharing } from './ledger-fair-contract.ts'
import { intentRequest, messageOf, withRun } from './ledger-fixture.ts'
import { severalWriters } from './ledger-writers-contract.ts'
import { NOON, TARGET } from './workloads.ts'

const A = { alertname: 'A' }
const resolved = (at: number): Alert => alertOf(A, { status: 'resolved', endsAt: at })

/** How the suite opens a database. */
export interface LedgerBackend {
  one(t: Test): Promise<Ledger>
  /** Two handles on one database, as two processes have. */
  two(t: Test): Promise<readonly [Ledger, Ledger]>
}

/** One suite for every database behind the port: what it promises, and nothing that only one of them can keep. */
export async function ledgerContract(t: Test, { one: open, two }: LedgerBackend): Promise<void> {
  await t.test('episodes: opened, heartbeat, resolved, reopened within 30 minutes, opened anew after', async t => {
    const ledger = await open(t)
    const at = async (minutes: number, alert: Alert) =>
      (await ledger.receive(deliveryOf([alert], { receivedAt: NOON + minutes * MINUTE })))[0]
    const first = await at(0, alertOf(A))
    t.equal(first?.state, 'opened')
    t.same(await at(1, alertOf(A, { startsAt: NOON + 1 })), { id: first?.id, state: 'heartbeat' }, 'another startsAt is the same incident')
    t.same(await at(2, resolved(NOON + 2 * MINUTE)), { id: first?.id, state: 'resolved' })
    t.same(await at(31, alertOf(A, { startsAt: NOON + 31 * MINUTE })), { id: first?.id, state: 'reopened' })
    t.same(await at(32, resolved(NOON + 2 * MINUTE)), { id: first?.id, state: 'ignored' }, 'a late duplicate of the first resolve')
    t.equal((await ledger.incident(first?.id ?? ''))?.startsAt, NOON, 'blame does not move')
    t.same(
      await at(33, { ...resolved(NOON + 33 * MINUTE), startsAt: NOON }),
      { id: first?.id, state: 'resolved' },
      'whatever start it names: two replicas know of different ones'
    )
    const again = await at(64, alertOf(A))
    t.equal(again?.state, 'opened')
    t.not(again?.id, first?.id)
    t.same((await at(65, { ...resolved(NOON), labels: { alertname: 'never seen' } }))?.state, 'ignored')
  })

  await t.test('identity is source and labels, never the sender’s fingerprint', async t => {
    const ledger = await open(t)
    const one = await ledger.receive(deliveryOf([alertOf(A)]))
    const otherSource = await ledger.receive(deliveryOf([alertOf(A)], { source: 'other' }))
    const otherOrder = await ledger.receive(deliveryOf([alertOf({ b: '1', a: '2' }), alertOf({ a: '2', b: '1' })]))
    t.not(one[0]?.id, otherSource[0]?.id)
    t.equal(otherOrder[0]?.id, otherOrder[1]?.id)
    t.same(
      otherOrder.map(answer => answer.state),
      ['opened', 'heartbeat']
    )
  })

  await t.test('concurrent deliveries share commits, and each gets its own answer', async t => {
    const ledger = await open(t)
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => ledger.receive(deliveryOf([alertOf({ alertname: `A${index % 50}` })])))
    )
    t.equal(answers.flat().filter(answer => answer.state === 'opened').length, 50)
    t.equal(answers.flat().filter(answer => answer.state === 'heartbeat').length, 150)
    t.equal((await ledger.unadmitted(1_000)).length, 50)
  })

  await t.test('one run per incident, whoever admits it twice', async t => {
    const ledger = await open(t)
    const incident = await withRun(ledger)
    await ledger.admit([{ incident, at: NOON, run: { id: 'second', policy: policyOf(), ceiling: 'auto' }, audit: [] }])
    t.same(
      (await ledger.runs({}, undefined, 10)).items.map(run => run.id),
      ['run-A']
    )
    t.same(await ledger.unadmitted(10), [])
  })

  await t.test('claims: one owner at a time, a fence against late ones, an expiry against dead ones', async t => {
    const ledger = await open(t)
    await withRun(ledger)
    const [first] = await ledger.claimDue('one', NOON, 60_000, 10)
    if (first === undefined) throw new Error('nothing was due')
    t.same(await ledger.claimDue('two', NOON + 59_999, 60_000, 10), [], 'held')
    t.equal(await ledger.renew(first.claim, NOON + 30_000, 60_000), true)
    t.same(await ledger.claimDue('two', NOON + 60_000, 60_000, 10), [], 'renewed')
    const [second] = await ledger.claimDue('two', NOON + 90_000, 60_000, 10)
    if (second === undefined) throw new Error('the claim did not expire')
    t.ok(second.claim.fence > first.claim.fence)
    t.equal(
      await ledger.save(
        first.claim,
        {
          change: { state: 'ended', outcome: 'failed' },
          audit: [audited.concluded({ at: NOON }, { outcome: 'failed', detail: 'late', wrote: false })]
        },
        NOON
      ),
      false,
      'the late owner saves nothing'
    )
    t.equal(await ledger.renew(first.claim, NOON, 60_000), false)
    t.equal((await ledger.run('run-A'))?.state, 'waiting')
    t.equal((await ledger.audit({}, 100)).filter(row => row.kind === 'concluded').length, 0)
    t.same(await ledger.claimIntent(first.claim, intentRequest('i')), {
      kind: 'lost'
    })
    t.equal(
      await ledger.save(second.claim, { change: { state: 'waiting', nextAt: NOON + 5 * MINUTE }, audit: [], release: true }, NOON),
      true
    )
    t.same(await ledger.claimDue('one', NOON + 2 * MINUTE, 60_000, 10), [], 'not due')
    t.equal(await ledger.nextDue(), NOON + 5 * MINUTE)
  })

  await t.test('a stored dry run is never claimed: nothing could make it write', async t => {
    const ledger = await open(t)
    await withRun(ledger)
    const live = await ledger.run('run-A')
    if (live === undefined) throw new Error('no run')
    await ledger.saveDryRun({ ...live, id: 'dry', kind: 'dry-run', nextAt: NOON - MINUTE }, [])
    t.same(
      (await ledger.claimDue('one', NOON, 60_000, 10)).map(one => one.run.id),
      ['run-A']
    )
    t.equal(await ledger.nextDue(), undefined)
  })

  await t.test('a state that may not follow is refused', async t => {
    const ledger = await open(t)
    await withRun(ledger)
    const [one] = await ledger.claimDue('one', NOON, 60_000, 10)
    if (one === undefined) throw new Error('nothing was due')
    await t.rejects(ledger.save(one.claim, { change: { state: 'watching' }, audit: [] }, NOON), /cannot go from waiting to watching/)
  })

  await t.test('intents: lock, budget and plan in one step; once per run and rung', async t => {
    const ledger = await open(t)
    await withRun(ledger, 'A')
    await withRun(ledger, 'B')
    const claims = await ledger.claimDue('one', NOON, 60_000, 10)
    const [a, b] = ['run-A', 'run-B'].map(id => claims.find(one => one.run.id === id)?.claim)
    if (a === undefined || b === undefined) throw new Error('nothing was due')
    const request = (id: string) => intentRequest(id, { budgets: [{ limit: 1, per: 60 * MINUTE, scope: 'target' }] })

    t.equal((await ledger.claimIntent(a, request('i1'))).kind, 'stored')
    t.equal((await ledger.claimIntent(a, request('i2'))).kind, 'exists', 'never a second one for the rung')
    t.same(await ledger.claimIntent(b, request('i3')), { kind: 'busy', by: 'run-A' })
    t.equal(await ledger.countSend(a, 'i1'), true)
    t.equal(await ledger.countSend(a, 'i1'), true)
    t.equal(await ledger.countSend(a, 'i1'), false, 'at most twice')
    await ledger.save(a, { change: { state: 'watching', wrote: true }, audit: [], intent: { id: 'i1', state: 'applied' } }, NOON)
    t.same(
      (await ledger.targetFacts(TARGET, [], 'run-B', NOON)).bad.map(bad => bad.identity),
      ['bad'],
      'what was left behind is remembered'
    )
    await ledger.save(a, { change: { state: 'ended', outcome: 'recovered' }, audit: [], release: true }, NOON + SECOND)
    t.match(await ledger.targetFacts(TARGET, [], 'run-B', NOON), { lastRun: { id: 'run-A', endedAt: NOON + SECOND }, lockedBy: undefined })
    t.equal((await ledger.claimIntent(b, request('i4'))).kind, 'budget', 'one write an hour on this target')
    t.equal((await ledger.targetFacts(TARGET, [], 'x', NOON)).lockedBy, undefined, 'and the lock is not kept')
  })

  await t.test('a withdrawn intent gives its budget back, and makes room for another', async t => {
    const ledger = await open(t)
    await withRun(ledger)
    const [one] = await ledger.claimDue('one', NOON, 60_000, 10)
    if (one === undefined) throw new Error('nothing was due')
    const request = (id: string) => intentRequest(id, { budgets: [{ limit: 1, per: 60 * MINUTE, scope: 'global' }] })
    await ledger.claimIntent(one.claim, request('i1'))
    await ledger.save(
      one.claim,
      { change: { state: 'waiting' }, audit: [], intent: { id: 'i1', state: 'withdrawn' }, releaseLock: true },
      NOON
    )
    t.equal((await ledger.claimIntent(one.claim, request('i2'))).kind, 'stored')
    t.equal((await ledger.intentOf('run-A', 0))?.id, 'i2')
  })

  await t.test('heartbeats make a waiting run due; people told once are told', async t => {
    const ledger = await open(t)
    const incident = await withRun(ledger)
    const [one] = await ledger.claimDue('one', NOON, 60_000, 10)
    if (one === undefined) throw new Error('nothing was due')
    await ledger.save(one.claim, { change: { state: 'waiting', nextAt: NOON + 60 * MINUTE }, audit: [], release: true }, NOON)
    await ledger.receive(deliveryOf([alertOf(A)], { receivedAt: NOON + MINUTE }))
    t.equal(await ledger.nextDue(), NOON + MINUTE)
    const [two] = await ledger.claimDue('one', NOON + MINUTE, 60_000, 10)
    if (two === undefined) throw new Error('nothing was due')
    await ledger.save(
      two.claim,
      { change: { state: 'ended', outcome: 'denied', reason: 'cooldown' }, audit: [], told: true, release: true },
      NOON + MINUTE
    )
    t.equal((await ledger.incident(incident.id))?.toldAt, NOON + MINUTE)
  })

  await t.test('the outbox: at least once, back-off, an update of one message is one message', async t => {
    const ledger = await open(t)
    await withRun(ledger)
    const [one] = await ledger.claimDue('one', NOON, 60_000, 10)
    if (one === undefined) throw new Error('nothing was due')
    await ledger.save(one.claim, { change: {}, audit: [], messages: [messageOf(), messageOf()] }, NOON)
    const [queued] = await ledger.claimMessages(NOON, NOON + MINUTE, 10)
    if (queued === undefined) throw new Error('no message')
    await ledger.messageSent(queued, { kind: 'failed', detail: '503' }, NOON + SECOND, NOON)
    t.same(await ledger.claimMessages(NOON, NOON + MINUTE, 10), [])
    t.equal(await ledger.nextMessageAt(), NOON + SECOND)
    const [again] = await ledger.claimMessages(NOON + SECOND, NOON + MINUTE, 10)
    t.match(again, { attempts: 1, revision: 1 })
    await ledger.save(one.claim, { change: {}, audit: [], messages: [messageOf({ text: 'y' })] }, NOON)
    await ledger.messageSent(again ?? queued, { kind: 'delivered' }, NOON, NOON + SECOND)
    t.equal(await ledger.undelivered(), 1, 'the update came in meanwhile and is still to be sent')
    const [update] = await ledger.claimMessages(NOON + MINUTE, NOON + 2 * MINUTE, 10)
    t.match(update, { revision: 2, message: { text: 'y', event: 'update' } }, 'the first was delivered meanwhile')
    await ledger.messageSent(update ?? queued, { kind: 'delivered' }, NOON, NOON + MINUTE)
    t.equal(await ledger.undelivered(), 0)
    await ledger.save(one.claim, { change: {}, audit: [], messages: [messageOf({ text: 'y' })] }, NOON)
    t.equal(await ledger.undelivered(), 0, 'that is what people have')
    t.same(
      (await ledger.audit({}, 100)).filter(row => row.kind.startsWith('deliver')).map(row => row.kind),
      ['delivery-failed', 'delivered', 'delivered']
    )
  })

  await t.test('the switch is durable and audited; it starts at auto', async t => {
    const ledger = await open(t)
    t.equal((await ledger.switchState()).mode, 'auto')
    await ledger.setSwitch({ mode: 'off', reason: 'why', by: 'ann', at: NOON })
    t.same(await ledger.switchState(), { mode: 'off', reason: 'why', by: 'ann', at: NOON })
    t.match((await ledger.audit({}, 100)).at(-1), { kind: 'switch', body: { mode: 'off', reason: 'why', by: 'ann' } })
  })

  await t.test('pages: newest first, each run once', async t => {
    const ledger = await open(t)
    for (const name of ['A', 'B', 'C', 'D', 'E']) await withRun(ledger, name)
    const first = await ledger.runs({}, undefined, 2)
    const second = await ledger.runs({}, first.next, 2)
    const third = await ledger.runs({}, second.next, 2)
    t.same(
      [...first.items, ...second.items, ...third.items].map(run => run.id),
      ['run-E', 'run-D', 'run-C', 'run-B', 'run-A']
    )
    t.equal(third.next, undefined)
    t.equal((await ledger.runs({ policy: 'other' }, undefined, 10)).items.length, 0)
    t.equal((await ledger.runs({ target: 'Deployment/shop/api', state: 'waiting' }, undefined, 10)).items.length, 5)
  })

  await t.test('fair sharing', t => fairSharing(t, open))

  await t.test('several writers', t => severalWriters(t, two))

  await t.test('templates that were found: only what differs from the newest of its object, however many come at once', async t => {
    const ledger = await open(t)
    const found = (uid: string, identity: string, at: number) => ({ target: TARGET, template: { uid, identity, at, seen: false } })
    const many = Array.from({ length: 150 }, (_, index) => found(`uid-${index}`, 'one', NOON))
    await ledger.recordFound(many)
    await ledger.recordObserved(TARGET, { uid: 'uid-1', identity: 'two', at: NOON + 1, seen: true })
    await ledger.recordFound([found('uid-0', 'one', NOON + 2), found('uid-1', 'two', NOON + 2), found('uid-2', 'two', NOON + 2)])
    await ledger.recordFound([])
    const newest = async (uid: string) => ledger.latestObserved(uid)
    t.match(await newest('uid-0'), { identity: 'one', at: NOON })
    t.match(await newest('uid-1'), { identity: 'two', at: NOON + 1, seen: true }, 'what was seen to happen stays')
    t.match(await newest('uid-2'), { identity: 'two', at: NOON + 2, seen: false })
    await ledger.recordFound([found('uid-1', 'one', NOON + 3)])
    t.match(await newest('uid-1'), { identity: 'one', at: NOON + 3 }, 'it is back at what it was before')

    const kept = async (uid: string) =>
      (await ledger.targetFacts(TARGET, [], 'x', NOON)).observed.filter(template => template.uid === uid).map(({ at }) => at - NOON)
    t.same([await kept('uid-1'), await kept('uid-100')], [[0, 1, 3], [0]])
    await ledger.prune(0, NOON + 2)
    t.same([await kept('uid-1'), await kept('uid-100')], [[3], [0]], 'what is too old goes, but never what an object is now')
  })
}
