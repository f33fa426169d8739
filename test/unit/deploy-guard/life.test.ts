import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { GuardPolicy } from '../../../src/domain/deploy-guard.ts'
import { deployGuardOf, guardPolicyOf } from '../../support/deploy-guards.ts'
import { openGuardedRollout, V1, V2 } from '../../support/guarded-rollout.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

t.test('a good version passes at the end of the soak, and is proven from then on', async t => {
  const rollout = await openGuardedRollout(t)
  t.match(await rollout.start(), { kind: 'started', guard: { state: 'watching', version: { revision: 2, images: ['app:v2'] } } })
  await rollout.pass(4 * MINUTE)
  t.match(await rollout.guard(), { state: 'watching', standing: { kind: 'watching' } })

  await rollout.pass(3 * MINUTE)

  const guard = await rollout.guard()
  t.match(guard, { state: 'ended', result: 'pass', detail: /^pass after/ })
  t.ok((guard.endedAt ?? 0) < NOON + 6 * MINUTE, 'early, and not at the deadline')
  t.same((await rollout.ledger.targetFacts(guard.target, [], '', NOON)).passed, [V2.identity])
  t.ok(await rollout.ledger.learnedOf(guard.target), 'a pass teaches')
})

t.test('a bad version begins a run within a minute, in the transaction that keeps the verdict', async t => {
  const rollout = await openGuardedRollout(t)
  rollout.share = { old: 0, new: 0.3 }
  await rollout.start()
  await rollout.pass(MINUTE)

  const guard = await rollout.guard()
  t.match(guard, { state: 'acting', run: { state: 'waiting', wrote: false }, detail: /^fail after/ })
  t.match(await rollout.ledger.run(guard.run?.id ?? ''), {
    trigger: { kind: 'guard', id: guard.id, by: 'ci' },
    policy: { name: 'shop-deploys', verify: [] }
  })
  t.same(
    (await rollout.ledger.audit({}, 100)).map(({ kind }) => kind),
    ['guard-started', 'guard-judges', 'run-started']
  )
})

t.test('a version that is no worse than a bad one does not fail by it', async t => {
  const rollout = await openGuardedRollout(t)
  rollout.share = { old: 0.3, new: 0.3 }
  await rollout.start()
  await rollout.pass(11 * MINUTE)
  t.not((await rollout.guard()).result, 'failed')
  t.equal((await rollout.guard()).run, undefined)
})

t.test('no traffic is no pass, and a source that goes away is no failure', async t => {
  const silent = await openGuardedRollout(t)
  silent.rate = 0
  await silent.start()
  await silent.pass(11 * MINUTE)
  t.match(await silent.guard(), { result: 'inconclusive', standing: { because: 'no-traffic' } })

  const gone = await openGuardedRollout(t)
  await gone.start()
  await gone.pass(MINUTE)
  gone.answers = false
  await gone.pass(10 * MINUTE)
  t.match(await gone.guard(), { result: 'inconclusive', standing: { because: 'source-gone' } })
})

t.test('a version that somebody replaces ends the guard, and nothing is written', async t => {
  const rollout = await openGuardedRollout(t)
  await rollout.start()
  await rollout.pass(MINUTE)
  rollout.workload = workloadOf([V1, V2, revisionOf(3, 'app:v3', rollout.clock.now())])
  await rollout.pass(10 * SECOND)
  t.match(await rollout.guard(), { state: 'ended', result: 'superseded', detail: /another version was deployed/ })
})

t.test('a target that is gone, or made anew, ends it; a cluster that is away is waited for, and then given up', async t => {
  const anew = await openGuardedRollout(t)
  await anew.start()
  anew.workload = { ...anew.workload, uid: 'another' }
  await anew.pass(10 * SECOND)
  t.match(await anew.guard(), { result: 'superseded', detail: /made anew/ })

  const away = await openGuardedRollout(t)
  await away.start()
  away.away = { kind: 'unreachable', detail: 'ECONNREFUSED' }
  await away.pass(5 * MINUTE)
  t.match(await away.guard(), { state: 'watching', awaits: 'the cluster: ECONNREFUSED' })
  await away.pass(7 * MINUTE)
  t.match(await away.guard(), { result: 'unreachable' })
})

t.test('an old version is nothing to judge, and a job that is run again gets the first verdict', async t => {
  const rollout = await openGuardedRollout(t)
  rollout.clock.tick(20 * MINUTE)
  t.match(await rollout.start(), { kind: 'started', guard: { state: 'ended', result: 'unchanged' } })

  const judged = await openGuardedRollout(t)
  await judged.start()
  await judged.pass(6 * MINUTE)
  judged.clock.tick(20 * MINUTE)
  t.match(await judged.start(), { kind: 'attached', guard: { result: 'pass' } })
})

t.test('a second job attaches, with the same options only', async t => {
  const rollout = await openGuardedRollout(t)
  await rollout.start()
  t.match(await rollout.start(), { kind: 'attached' })
  t.match(await rollout.start({ soak: MINUTE, dryRun: true }), { kind: 'other-options', differs: ['dryRun', 'soak'] })
})

t.test('an image or a revision that is not there yet is waited for, within the time of the guard', async t => {
  const rollout = await openGuardedRollout(t)
  t.match(await rollout.start({ image: 'app:v3' }), { guard: { state: 'waiting', awaits: /image app:v3; the newest version has app:v2/ } })
  await rollout.pass(MINUTE)
  rollout.workload = workloadOf([V1, V2, revisionOf(3, 'app:v3', rollout.clock.now())])
  await rollout.pass(5 * SECOND)
  t.match(await rollout.guard(), { state: 'watching', version: { revision: 3 } })

  const never = await openGuardedRollout(t)
  await never.start({ revision: 9, soak: MINUTE, timeout: 2 * MINUTE })
  await never.pass(3 * MINUTE)
  t.match(await never.guard(), { result: 'inconclusive', detail: /did not come within 2m: revision 9; the newest one is 2/ })
})

t.test('without an entry, and where it was asked to, it only reports', async t => {
  const none = await openGuardedRollout(t, { entry: undefined })
  none.share = { old: 0, new: 0.3 }
  const started = await none.start()
  t.match(started, { guard: { said: [/no entry of `guards:` is for namespace shop/] } })
  await none.pass(MINUTE)
  t.match(await none.guard(), { result: 'failed', detail: /only reported/, run: undefined })

  const asked = await openGuardedRollout(t)
  asked.share = { old: 0, new: 0.3 }
  await asked.start({ onFail: 'report' })
  await asked.pass(MINUTE)
  t.match(await asked.guard(), { result: 'failed', detail: /only reported/ })
  t.equal((await asked.ledger.runs({}, undefined, 10)).items.length, 0)
})

t.test('options outside the bounds of the entry are refused, and nothing is watched', async t => {
  const rollout = await openGuardedRollout(t)
  const wide = await rollout.start({ tolerated: { ratio: 50, add: 0 }, metrics: ['grpc-latency'] })
  t.match(wide, { kind: 'refused', why: 'not-allowed', detail: /tolerance of x50 is wider than guard shop-deploys allows/ })
  t.equal(await rollout.ledger.guardsUnderWay(), 0)
  t.match(await rollout.start({ tolerated: { ratio: 1.1, add: 0 } }), { kind: 'started' })
})

t.test('an entry that allows less than is usual is judged by', async t => {
  const rollout = await openGuardedRollout(t, { entry: guardPolicyOf({ widest: { ratio: 1.1, add: 0.0002 } }) })
  await rollout.start()
  await rollout.pass(MINUTE)
  t.match(await rollout.guard(), { standing: { parts: [{ tolerated: 'x1.1 + 0.02pp' }] } })
})

t.test('a dry run decides on to the end under a mode that writes nothing', async t => {
  const rollout = await openGuardedRollout(t, { entry: guardPolicyOf() })
  rollout.share = { old: 0, new: 0.3 }
  await rollout.start({ dryRun: true })
  await rollout.pass(MINUTE)
  t.equal((await rollout.ledger.run((await rollout.guard()).run?.id ?? ''))?.policy.mode, 'dry-run')
})

t.test('a guard ends as its run ends', async t => {
  for (const [outcome, result] of [
    ['recovered', 'rolled-back'],
    ['denied', 'failed'],
    ['unknown', 'failed']
  ] as const) {
    const rollout = await openGuardedRollout(t)
    rollout.share = { old: 0, new: 0.3 }
    await rollout.start()
    await rollout.pass(MINUTE)
    const [claimed] = await rollout.ledger.claimDue('w', rollout.clock.now(), MINUTE, 1)
    if (claimed === undefined) throw new Error('no run was due')
    const change = { state: 'ended', outcome, reason: 'budget-used-up', detail: '3 of 3' } as const
    await rollout.ledger.save(claimed.claim, { change, audit: [] }, rollout.clock.now())
    await rollout.pass(5 * SECOND)
    t.match(await rollout.guard(), { state: 'ended', result })
  }
})

t.test('stopped by one, it is over for all who wait', async t => {
  const rollout = await openGuardedRollout(t)
  await rollout.start()
  const seen = await rollout.guard()
  const following = rollout.guards.changed(seen, new AbortController().signal)
  t.match(await rollout.guards.stop(seen.id, 'ann'), { state: 'ended', result: 'stopped', detail: 'ann stopped it' })
  t.match(await following, { result: 'stopped' })
  t.equal(await rollout.worker.turn(), 0)
})

t.test('a process that dies at any point of a look loses no block and counts none twice', async t => {
  const untouched = await openGuardedRollout(t)
  untouched.share = { old: 0.002, new: 0.004 }
  await untouched.start()
  await untouched.pass(4 * MINUTE)
  const expected = (await untouched.guard()).standing
  t.equal(untouched.asked.length, 16, 'one look for each 15 s of four minutes')

  for (const point of ['guard-looked', 'guard-counted', 'guard-kept'] as const) {
    const rollout = await openGuardedRollout(t)
    rollout.share = { old: 0.002, new: 0.004 }
    await rollout.start()
    await rollout.pass(80 * SECOND)
    rollout.dies = point
    await rollout.pass(20 * SECOND)
    rollout.dies = undefined
    rollout.restart()
    await rollout.pass(NOON + 2 * SECOND + 4 * MINUTE - rollout.clock.now())
    t.same((await rollout.guard()).standing, expected, point)
    // A look that was lost is made again, and no other.
    t.ok(rollout.asked.length < untouched.asked.length + 10, `${rollout.asked.length} looks, ${untouched.asked.length} without a crash`)
  }
})

t.test('a job that is run again after its version was taken back gets the verdict, and waits for nothing', async t => {
  const rollout = await openGuardedRollout(t)
  rollout.share = { old: 0, new: 0.3 }
  await rollout.start({ image: 'app:v2' })
  await rollout.pass(MINUTE)
  const { id } = await rollout.guard()
  rollout.workload = workloadOf([{ ...V1, number: 3 }, V2])

  t.match(await rollout.start({ image: 'app:v2' }), { kind: 'attached', guard: { id } })
  t.match(await rollout.start({ image: 'app:v9' }), { kind: 'started', guard: { state: 'waiting' } })
  t.match(await rollout.start({ revision: 1 }), { guard: { result: 'superseded', detail: 'revision 3 was rolled out after revision 1' } })
})

t.test('a version that was judged is found however many guards other targets had since', async t => {
  const rollout = await openGuardedRollout(t)
  rollout.share = { old: 0, new: 0.3 }
  await rollout.start({ image: 'app:v2' })
  await rollout.pass(MINUTE)
  const { id } = await rollout.guard()
  rollout.workload = workloadOf([{ ...V1, number: 3 }, V2])
  for (let other = 0; other < 210; other += 1) {
    const target = { ...TARGET, name: `other-${other}` }
    await rollout.ledger.beginGuard(
      deployGuardOf({ id: `z-${String(other).padStart(3, '0')}`, target, state: 'ended' }),
      `key-${other}`,
      []
    )
  }
  t.match(await rollout.start({ image: 'app:v2' }), { kind: 'attached', guard: { id } })
})

t.test('a target that a Helm release has is said at the start, with what going back then means', async t => {
  const step = (action: string, options = {}) => ({ action, with: options, confirm: { within: MINUTE, passes: 3, every: 5_000 } })
  const said = async (steps: GuardPolicy['steps'] | undefined): Promise<string> => {
    const rollout = await openGuardedRollout(t, { entry: steps === undefined ? undefined : guardPolicyOf({ steps }) })
    rollout.workload = { ...rollout.workload, release: { namespace: 'shop', name: 'api' } }
    await rollout.start()
    return (await rollout.guard()).said.find(text => text.startsWith('Helm release shop/api has')) ?? ''
  }
  t.match(await said([step('helm-rollback')]), /helm-rollback takes the whole release back to an earlier revision, with all that is in it/)
  t.match(await said([step('rollout-undo')]), /rollout-undo is refused as `helm-owned`/)
  t.match(await said([step('rollout-undo', { evenIfHelmOwned: true })]), /the next upgrade of the release would bring it again/)
  t.match(await said(undefined), /who goes back by hand takes helm rollback/)
})
