import t from 'tap'
import { ACTIONS, createActions } from '../../../src/actions/registry.ts'
import type { Action } from '../../../src/domain/action.ts'
import type { Plan } from '../../../src/domain/plan.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyNeeds, storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, planInput } from '../../support/workloads.ts'

const never = AbortSignal.timeout(60_000)
const clock = { now: () => NOON, sleep: async () => {} }
const tools = storyTools(new StoryCluster(clock), clock)
const { options: _, ...situation } = planInput(badRollout())

function actionNamed(name: string): Action {
  const action = createActions(storyNeeds()).find(candidate => candidate.name === name)
  if (action === undefined) throw new Error(`there is no ${name}`)
  return action
}

async function planFor(action: Action): Promise<Plan> {
  const result = await action.plan(tools, { ...situation, with: {} }, never)
  if (result.kind !== 'plan') throw new Error(result.refusal.detail)
  return result.plan
}

t.test('what is described is what is made, with nothing that single actions need', async t => {
  t.same(
    createActions(storyNeeds()).map(({ name, title, blames, cures }) => ({ name, title, blames, cures })),
    ACTIONS.map(({ name, title, blames, cures }) => ({ name, title, blames, cures }))
  )
})

t.test('options come through the schema, or not at all', async t => {
  const undo = actionNamed('rollout-undo')
  t.equal((await undo.plan(tools, { ...situation, with: { provenFor: '5m' } }, never)).kind, 'plan')
  for (const options of [{ provenFor: 5 }, { unknown: true }])
    await t.rejects(undo.plan(tools, { ...situation, with: options }, never), /a step of rollout-undo was not checked at load/)
})

t.test('what else is wrong with options is asked only of those that keep the schema', async t => {
  const check = ACTIONS.find(({ name }) => name === 'scale')?.check
  t.match(check?.({ to: 3, by: '+1', max: 5 }), /"to" or "by"/)
  t.equal(check?.({ to: 3, max: 5 }), undefined)
  t.equal(check?.({ to: 'three' }), undefined, 'the schema tells that better')
})

t.test('an action carries out only plans with a write, and a loan, of its own kind', async t => {
  const restart = actionNamed('rollout-restart')
  const undo = actionNamed('rollout-undo')
  const plan = await planFor(restart)
  t.equal(await restart.effect(intentOf(plan), badRollout(), tools, never), 'not-seen')
  const loan = { kind: 'remind', summary: '', after: 1, atMost: 1, write: { kind: 'other' } } as const
  for (const [action, foreign] of [
    [undo, plan],
    [restart, { ...plan, loan }]
  ] as const) {
    t.throws(() => action.effect(intentOf(foreign), badRollout(), tools, never), /makes no write of kind/)
    t.throws(() => action.stands(intentOf(foreign), badRollout()), /makes no write of kind/)
    t.throws(() => action.apply(tools, intentOf(foreign), { dryRun: false }, never), /makes no write of kind/)
  }
})
