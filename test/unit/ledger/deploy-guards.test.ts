import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { audited } from '../../../src/domain/audited.ts'
import type { Run } from '../../../src/domain/run.ts'
import { requestedRun } from '../../../src/pipeline/decide/requested-run.ts'
import { policyOf } from '../../support/bench.ts'
import { deployGuardOf, GUARD_OPTIONS, guardPolicyOf } from '../../support/deploy-guards.ts'
import { openLedger, openTwoHandles } from '../../support/open-ledger.ts'
import { NOON, TARGET } from '../../support/workloads.ts'

const LEASE = MINUTE
const started = audited.guardStarted({ at: NOON }, { guard: 'guard-1', target: TARGET, by: 'ci', options: GUARD_OPTIONS })

function runOf(id: string): Run {
  const trigger = { kind: 'guard', id: 'guard-1', by: 'ci', at: NOON, target: TARGET } as const
  return requestedRun({ id, kind: 'live', policy: policyOf(), trigger, ceiling: 'auto' })
}

t.test('two jobs that ask for the same version at once get one guard', async t => {
  const [one, other] = await openTwoHandles(t)

  const asked = await Promise.all([
    one.beginGuard(deployGuardOf({ id: 'a' }), 'uid/v2', [started]),
    other.beginGuard(deployGuardOf({ id: 'b' }), 'uid/v2', [started])
  ])

  t.equal(asked.filter(({ begun }) => begun).length, 1)
  t.equal(asked[0].guard.id, asked[1].guard.id)
  t.equal((await one.audit({}, 10)).length, 1, 'the second leaves no trace of a start')
})

t.test('a job that is run again gets the guard of the first, over or not, unless that was stopped', async t => {
  const ledger = await openLedger(t)
  await ledger.beginGuard(deployGuardOf({ id: 'a', state: 'ended', result: 'pass', endedAt: NOON }), 'uid/v2', [])
  t.match(await ledger.beginGuard(deployGuardOf({ id: 'b' }), 'uid/v2', []), { begun: false, guard: { id: 'a', result: 'pass' } })

  await ledger.beginGuard(deployGuardOf({ id: 'c' }), 'uid/v3', [])
  t.match(await ledger.stopGuard('c', { detail: 'ann stopped it', endedAt: NOON }, []), { state: 'ended', result: 'stopped' })
  t.match(await ledger.beginGuard(deployGuardOf({ id: 'd' }), 'uid/v3', []), { begun: true })
})

t.test('a guard is worked on by one process, and what a late one saves is refused', async t => {
  const [one, other] = await openTwoHandles(t)
  await one.beginGuard(deployGuardOf(), 'uid/v2', [])
  const claims = await Promise.all([one.claimGuards('x', NOON, LEASE, 10), other.claimGuards('y', NOON, LEASE, 10)])
  t.equal(claims.flat().length, 1, 'one of them got it')
  const [late] = claims.flat()
  if (late === undefined) throw new Error('nobody got it')

  const [next] = await other.claimGuards('z', NOON + LEASE, LEASE, 10)
  if (next === undefined) throw new Error('a claim that ran out was not free')
  t.equal(await one.saveGuard(late.claim, { guard: late.guard, audit: [started] }), false)
  t.equal((await one.audit({}, 10)).length, 0, 'nothing of it is kept')
  t.equal(await other.saveGuard(next.claim, { guard: { ...next.guard, nextAt: NOON + 2 * LEASE }, memory: '{"a":1}', audit: [] }), true)

  t.same(await one.claimGuards('x', NOON + LEASE, LEASE, 10), [], 'not due yet')
  t.equal(await one.nextGuardDue(), NOON + 2 * LEASE)
  const [again] = await one.claimGuards('x', NOON + 2 * LEASE, LEASE, 10)
  t.equal(again?.memory, '{"a":1}')
})

t.test('a failure and the run that it begins are one transaction; two guards of one version share the run', async t => {
  const ledger = await openLedger(t)
  await ledger.beginGuard(deployGuardOf({ id: 'a' }), 'k1', [])
  await ledger.beginGuard(deployGuardOf({ id: 'b' }), 'k2', [])
  const claimed = await ledger.claimGuards('x', NOON, LEASE, 10)
  for (const { guard, claim } of claimed)
    await ledger.saveGuard(claim, {
      guard: { ...guard, state: 'acting' },
      audit: [],
      run: { run: runOf(`run-${guard.id}`), key: 'guard/uid/v2', audit: [] }
    })

  t.match(await ledger.guard('a'), { state: 'acting', run: { id: 'run-a', state: 'waiting', wrote: false } })
  t.match(await ledger.guard('b'), { run: { id: 'run-a' } })
  t.equal((await ledger.runs({}, undefined, 10)).items.length, 1)
  t.match(await ledger.stopGuard('a', { detail: 'too late', endedAt: NOON }, [started]), { state: 'acting' }, 'a run is not stopped by it')
})

t.test('a version that passed is known of the target, and so is what it taught', async t => {
  const ledger = await openLedger(t)
  const version = { uid: 'u', identity: 'v2', images: [], changedAt: NOON }
  await ledger.beginGuard(deployGuardOf(), 'k', [])
  const [claimed] = await ledger.claimGuards('x', NOON, LEASE, 1)
  if (claimed === undefined) throw new Error('nothing was due')
  t.equal(await ledger.learnedOf(TARGET), undefined)

  await ledger.saveGuard(claimed.claim, {
    guard: { ...claimed.guard, state: 'ended', result: 'pass', version, endedAt: NOON },
    audit: [],
    learned: '{"errors":1}'
  })

  t.same((await ledger.targetFacts(TARGET, [], 'r', NOON)).passed, [], 'nobody bounded what it tolerated')
  await ledger.beginGuard(
    deployGuardOf({ id: 'bounded', entry: guardPolicyOf(), state: 'ended', result: 'pass', version, endedAt: NOON }),
    'k2',
    []
  )
  t.same((await ledger.targetFacts(TARGET, [], 'r', NOON)).passed, ['v2'])
  t.equal(await ledger.learnedOf(TARGET), '{"errors":1}')
  t.equal(await ledger.guardsUnderWay(), 0)
  await ledger.prune(NOON, NOON + 1)
  t.same(await ledger.guards(10), [], 'what was over long ago is deleted')
})
