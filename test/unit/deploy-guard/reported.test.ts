import t from 'tap'
import { guardView } from '../../../src/api/guard-view.ts'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { newLines, standingLine } from '../../../src/cli/guard/log-lines.ts'
import { toldOf } from '../../../src/cli/guard/told.ts'
import { openGuardedRollout } from '../../support/guarded-rollout.ts'

const METRICS = { metrics: ['kubernetes-restarts'] }

t.test('a metric that is only reported is asked for now and then, about the new pods, and decides nothing', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  rollout.number = { kind: 'said', value: 7 }
  await rollout.start(METRICS)
  await rollout.pass(2 * MINUTE)
  t.match(await rollout.guard(), { state: 'watching', reported: [{ name: 'kubernetes-restarts', value: 7 }] })
  t.equal(rollout.queries.length, 5, 'at the first look, and once in 30 s')
  t.match(rollout.queries[0], /kube_pod_container_status_restarts_total\{namespace="shop", pod=~"api-new-1\|api-new-2"\}/)
  await rollout.pass(5 * MINUTE)
  const guard = await rollout.guard()
  t.match(guard, { result: 'pass', reported: [{ value: 7 }] })
  t.notMatch(JSON.stringify(guard.standing), /restarts/, 'and is no part of the judgement')
})

t.test('one that can’t be read is told as such, and keeps nothing from passing', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  rollout.number = { kind: 'unsaid', because: 'rejected', detail: 'bad_data' }
  await rollout.start(METRICS)
  await rollout.pass(7 * MINUTE)
  t.match(await rollout.guard(), { result: 'pass', reported: [{ name: 'kubernetes-restarts', why: 'it rejected the question: bad_data' }] })
})

t.test('who waits for a guard reads what is reported: when it is first known, and with each heartbeat', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  rollout.number = { kind: 'said', value: 1_234 }
  await rollout.start(METRICS)
  await rollout.pass(MINUTE)
  const view = guardView(await rollout.guard())
  t.match(view.reported, [{ name: 'kubernetes-restarts', value: 1_234, at: /T12:0/ }])
  const told = toldOf(view)
  t.match(
    newLines(undefined, told).find(({ word }) => word === 'reported'),
    { text: 'kubernetes-restarts 1,234; it decides nothing' }
  )
  t.same(
    newLines(told, { ...told, reported: [{ name: 'kubernetes-restarts', value: 5 }] }).filter(({ word }) => word === 'reported'),
    []
  )
  t.match(standingLine(told).text, / · reported kubernetes-restarts 1,234 · /)
})

t.test('nothing is asked where nothing was asked for', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  await rollout.start()
  await rollout.pass(40 * SECOND)
  t.same(rollout.queries, [])
  t.equal((await rollout.guard()).reported, undefined)
})
