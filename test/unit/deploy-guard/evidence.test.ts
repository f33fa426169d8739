import t, { type Test } from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { type GuardedRollout, openGuardedRollout, V1, V2 } from '../../support/guarded-rollout.ts'
import { workloadOf } from '../../support/workloads.ts'

const soon = (): AbortSignal => new AbortController().signal

/** A guard that found v2 to be worse, and whose run has not written yet. */
async function failedGuard(t: Test): Promise<{ rollout: GuardedRollout; id: string }> {
  const rollout = await openGuardedRollout(t)
  rollout.share = { old: 0.001, new: 0.3 }
  await rollout.start()
  await rollout.pass(2 * MINUTE)
  const { id, state } = await rollout.guard()
  if (state !== 'acting') throw new Error(`the guard is ${state}`)
  return { rollout, id }
}

t.test('a verdict is about one version, and tells its numbers', async t => {
  const { rollout, id } = await failedGuard(t)
  const at = (await rollout.guard()).nextAt
  const verdict = await rollout.evidence.verdict(id, rollout.workload, at, soon())
  t.match(verdict, { kind: 'stands', sample: { verdict: 'fail', queries: [{ query: 'errors' }] }, symptom: { queries: ['errors'] } })

  const other = workloadOf([V1])
  t.match(await rollout.evidence.verdict(id, other, at, soon()), { kind: 'gone', refusal: { reason: 'changed-since-symptom' } })
  t.match(await rollout.evidence.verdict('nobody', rollout.workload, at, soon()), { kind: 'gone' })
})

t.test('a verdict that is not fresh is confirmed by one more block', async t => {
  const { rollout, id } = await failedGuard(t)
  rollout.clock.tick(5 * MINUTE)
  const ask = () => rollout.evidence.verdict(id, rollout.workload, rollout.clock.now(), soon())
  t.match(await ask(), { kind: 'stands' })

  rollout.share = { old: 0.001, new: 0.001 }
  t.match(await ask(), { kind: 'gone', refusal: { reason: 'symptom-not-confirmed', detail: /errors/ } })

  rollout.answers = false
  t.match(await ask(), { kind: 'gone', refusal: { reason: 'inconclusive' } })
})

t.test('after the write a block counts as recovered that is within what the old version did, and has traffic', async t => {
  const { rollout, id } = await failedGuard(t)
  rollout.workload = workloadOf([V1, { ...V2, number: 2 }])
  rollout.pods = rollout.pods.filter(({ version }) => version === 'old')
  const recovery = () => {
    const to = rollout.clock.now()
    return rollout.evidence.recovery(id, { from: to - 15 * SECOND, to }, soon())
  }
  t.match(await recovery(), { verdict: 'pass', queries: [{ query: 'errors', verdict: 'pass' }] })

  rollout.share = { old: 0.2, new: 0 }
  t.match(await recovery(), { verdict: 'fail' })

  rollout.rate = 0
  t.match(await recovery(), { verdict: 'inconclusive' })

  rollout.answers = false
  t.match(await recovery(), { verdict: 'inconclusive', queries: [{ detail: 'connection refused' }] })
})
