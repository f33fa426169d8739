import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { openGuardedRollout } from '../../support/guarded-rollout.ts'

t.test('pods with more series than a guard remembers are not judged, which is said with the limit and what helps', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  rollout.paths = { asked: 12_501, counted: 1 }
  await rollout.start()
  await rollout.pass(5 * SECOND)
  const { said } = await rollout.guard()
  t.match(
    said.at(-1),
    /the old version’s pods have 25002 series of what is counted, and a guard remembers at most 50000 of both versions together: name fewer metrics/
  )
  await rollout.pass(11 * MINUTE)
  t.match(await rollout.guard(), { result: 'inconclusive', detail: /at most 50000/ })
})

t.test('series that come while it watches end it before its memory grows beyond the quota', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  await rollout.start()
  await rollout.pass(MINUTE)
  t.match(await rollout.guard(), { state: 'watching', standing: { kind: 'watching' } })
  rollout.paths = { asked: 1, counted: 12_600 }
  await rollout.pass(20 * SECOND)
  const guard = await rollout.guard()
  t.match(guard, {
    result: 'inconclusive',
    detail: /have 504\d\d series of what is counted by now, and a guard remembers at most 50000: name fewer/
  })
  t.ok(((await rollout.ledger.guardMemory(guard.id)) ?? '').length < 10_000, 'and keeps none of them')
})
