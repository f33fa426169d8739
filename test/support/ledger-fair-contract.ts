import type { Test } from 'tap'
import { MINUTE } from '../../src/base/clock.ts'
import type { ObjectRef } from '../../src/domain/objects.ts'
import type { Ledger } from '../../src/domain/ports/ledger.ts'
import { policyOf } from './bench.ts'
import { alertOf, deliveryOf } from './deliveries.ts'
import { NOON, TARGET } from './workloads.ts'

const WEB: ObjectRef = { ...TARGET, name: 'web' }

/** That many incidents of one source on one target, each with a run `SOURCE-TARGET-NNN` that is due. */
async function flood(ledger: Ledger, source: string, target: ObjectRef, count: number): Promise<void> {
  const alerts = Array.from({ length: count }, (_, index) => alertOf({ alertname: `${target.name}-${index}` }))
  const answers = await ledger.receive(deliveryOf(alerts, { source }))
  const admissions = []
  for (const [index, { id }] of answers.entries()) {
    const incident = await ledger.incident(id)
    if (incident === undefined) throw new Error('no incident')
    const run = { id: `${source}-${target.name}-${String(index).padStart(3, '0')}`, policy: policyOf(), ceiling: 'auto' as const, target }
    admissions.push({ incident, at: NOON, run, audit: [] })
  }
  await ledger.admit(admissions)
}

const claimed = async (ledger: Ledger, room: Parameters<Ledger['claimDue']>[3], now = NOON) =>
  (await ledger.claimDue('one', now, MINUTE, room)).map(one => one.run.id)

const share = { atMost: 10, perSource: 3, perTarget: 2, sources: new Map<string, number>(), targets: new Map<string, number>() }

/** The part of the suite about sharing: one source or target cannot keep the others waiting. */
export async function fairSharing(t: Test, open: (t: Test) => Promise<Ledger>): Promise<void> {
  await t.test('two hundred due runs of one target do not hold up the one run of another', async t => {
    const ledger = await open(t)
    await flood(ledger, 'am', TARGET, 200)
    await flood(ledger, 'am', WEB, 1)
    t.same(await claimed(ledger, 2), ['am-api-000', 'am-web-000'])
  })

  await t.test('nor those of one source the one run of another, also where one run is claimed at a time', async t => {
    const ledger = await open(t)
    await flood(ledger, 'forger', TARGET, 200)
    t.same(await claimed(ledger, 1), ['forger-api-000'])
    await flood(ledger, 'honest', TARGET, 1)
    t.same([...(await claimed(ledger, 1)), ...(await claimed(ledger, 1))].sort(), ['forger-api-001', 'honest-api-000'])
    await flood(ledger, 'honest', WEB, 3)
    t.same((await claimed(ledger, 2)).sort(), ['forger-api-002', 'honest-web-000'], 'and where two are claimed at a time')
  })

  await t.test('a run that comes while a flood is in line takes the next turn, and the flood goes on', async t => {
    const ledger = await open(t)
    await flood(ledger, 'am', TARGET, 50)
    t.equal((await claimed(ledger, 10)).length, 10)
    await flood(ledger, 'am', WEB, 2)
    t.same(await claimed(ledger, 4), ['am-api-010', 'am-web-000', 'am-api-011', 'am-web-001'])
    let rest = 0
    for (let taken = -1; taken !== 0; rest += taken) taken = (await claimed(ledger, 7)).length
    t.equal(rest, 38, 'everybody had a turn')
  })

  await t.test('a source or target whose share of the room is used up is passed over', async t => {
    const ledger = await open(t)
    await flood(ledger, 'am', TARGET, 5)
    await flood(ledger, 'am', WEB, 1)
    await flood(ledger, 'other', TARGET, 1)
    t.same(await claimed(ledger, { ...share, sources: new Map([['am', 3]]) }), ['other-api-000'])
    t.same(await claimed(ledger, { ...share, targets: new Map([['Deployment/shop/api', 2]]) }), ['am-web-000'])
    t.same(await claimed(ledger, share), ['am-api-000', 'am-api-001'], 'of those that are claimed together, too')
    t.equal((await claimed(ledger, 10)).length, 3)
  })

  await t.test('a claim that ran out while its run stands in line cannot be renewed', async t => {
    const ledger = await open(t)
    await flood(ledger, 'am', TARGET, 2)
    const [late] = await ledger.claimDue('late', NOON, MINUTE, 1)
    if (late === undefined) throw new Error('nothing was due')
    await ledger.claimDue('two', NOON + MINUTE, MINUTE, 1)
    t.equal(await ledger.renew(late.claim, NOON + MINUTE, MINUTE), false)
    t.equal(await ledger.nextDue(), NOON, 'it is due')
    t.same(await claimed(ledger, 10, NOON + MINUTE), ['am-api-000'])
  })
}
