import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { textAt } from '../../../src/base/json.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { type Bench, openBench, policyOf } from '../../support/bench.ts'
import { actionStories } from '../../support/story-actions.ts'

async function recovered(bench: Bench): Promise<void> {
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
}

async function texts(bench: Bench): Promise<readonly string[]> {
  const queued = await bench.ledger.claimMessages(bench.clock.now() + 60 * MINUTE, bench.clock.now(), 1_000)
  return queued.map(({ message }) => message.text)
}

/** What the API server answers to a patch of `managedFields`. */
function answering(bench: Bench, answer: (times: number) => KubeAnswer | undefined): { times: number } {
  const counted = { times: 0 }
  const { kube } = bench.cluster
  const jsonPatch = kube.jsonPatch.bind(kube)
  Object.assign(kube, {
    async jsonPatch(path: string, operations: readonly unknown[]) {
      const isOwn = operations.some(operation => textAt(operation, 'path')?.startsWith('/metadata/managedFields/') === true)
      if (!isOwn) return jsonPatch(path, operations)
      counted.times += 1
      return answer(counted.times) ?? jsonPatch(path, operations)
    }
  })
  return counted
}

t.test('after a confirmed write no field is Astern’s, the write is one, and the record says so', async t => {
  const bench = await openBench(t)
  await recovered(bench)

  t.equal((await bench.run()).outcome, 'recovered')
  t.same(bench.cluster.kube.owned(), [])
  t.equal(bench.cluster.writes.length, 1, 'no write besides')
  const [row] = await bench.audit('fields-given-up')
  t.match(row?.body, { result: 'given-up', action: 'rollout-undo', step: 0 })
  const kinds = (await bench.audit()).map(({ kind }) => kind)
  t.ok(kinds.indexOf('fields-given-up') < kinds.indexOf('concluded'), 'before the ending')
  t.equal((await bench.audit('intent')).length, 1, 'it is no intent of its own')
})

t.test('after a write that is given up as well, and before the next rung', async t => {
  const confirm = { within: 2 * MINUTE, passes: 3, every: 30_000 }
  const steps = [
    { action: 'rollout-restart', with: {}, confirm },
    { action: 'rollout-undo', with: {}, confirm }
  ]
  const bench = await openBench(t, { policies: [policyOf({ steps })] })
  await bench.fire()
  await bench.pass(10 * MINUTE)

  t.equal((await bench.run()).outcome, 'ineffective')
  t.same(
    (await bench.audit('fields-given-up')).map(({ body }) => [body.step, body.result]),
    [
      [0, 'given-up'],
      [1, 'given-up']
    ]
  )
  t.same(bench.cluster.kube.owned(), [])
})

t.test('after a write of which it is not known whether it was made', async t => {
  const bench = await openBench(t)
  bench.cluster.answers = [{ answer: { kind: 'unknown', detail: 'timeout' }, happens: true }]
  await bench.fire()
  await bench.look()
  const after = bench.cluster.workloads.get('Deployment/shop/api')
  if (after === undefined) throw new Error('no workload')
  // Somebody took the mark off, so nothing shows whose the template is.
  bench.cluster.put({ ...after, identity: 'another', templateAt: { ...after.templateAt, mark: 'another' } })
  await bench.pass(MINUTE)

  t.equal((await bench.run()).outcome, 'unknown')
  t.same(bench.cluster.kube.owned(), [])
  t.match((await bench.audit('fields-given-up'))[0]?.body, { result: 'given-up' })
})

t.test('after giving back as well', async t => {
  const story = actionStories().find(({ name }) => name === 'scale through an autoscaler')
  if (story === undefined) throw new Error('there is no such story')
  const { changedWithin: _, ...policy } = policyOf({ steps: [...story.steps] })
  const bench = await openBench(t, { policies: [policy] })
  story.set?.(bench.cluster)
  await recovered(bench)

  t.equal((await bench.audit('loan-returned')).length, 1)
  t.equal(bench.cluster.kube.givenUp.length, 2, 'after the write, and after giving back')
  t.same(bench.cluster.kube.owned(), [])
})

t.test('a refusal is told, and harmless', async t => {
  const bench = await openBench(t)
  answering(bench, () => ({ kind: 'error', status: 403, detail: 'cannot patch deployments' }))
  await recovered(bench)

  t.equal((await bench.run()).outcome, 'recovered')
  t.match((await bench.audit('fields-given-up'))[0]?.body, { result: 'kept', detail: /cannot patch deployments.*--force-conflicts/ })
  t.match(await texts(bench), [/The next deploy: .*conflicts with "astern".*kubectl -n shop patch deployments\/api --type=json/])
})

t.test('where others write at the same moment, or the server is busy, it is tried again', async t => {
  const bench = await openBench(t)
  const counted = answering(bench, times =>
    times === 1
      ? { kind: 'error', status: 422, detail: 'the server rejected our request', says: { causes: [] } }
      : times === 2
        ? { kind: 'error', status: 429, detail: 'later', retryAfterMs: 3_000 }
        : undefined
  )
  await recovered(bench)
  t.same(bench.cluster.kube.owned(), [])
  t.equal(counted.times, 4, 'twice in vain, then tried and done')

  const away = await openBench(t)
  const tries = answering(away, () => ({ kind: 'unreachable', detail: 'connection refused' }))
  await recovered(away)
  t.equal((await away.run()).outcome, 'recovered', 'and not for good')
  t.equal(tries.times, 4)
  t.match((await away.audit('fields-given-up'))[0]?.body, { result: 'kept', detail: /connection refused/ })
})

t.test('a webhook that would touch the spec on this occasion: the entry stays, and no rollout begins', async t => {
  const bench = await openBench(t)
  const real = answering(bench, () => ({
    kind: 'ok',
    status: 200,
    object: { metadata: { uid: 'uid-api' }, spec: { template: { touched: true } } }
  }))
  await recovered(bench)

  t.equal(real.times, 1, 'only tried')
  t.match((await bench.audit('fields-given-up'))[0]?.body, { result: 'kept', detail: /would change its spec/ })
})

t.test('a setting, and the switch, keep it', async t => {
  const bench = await openBench(t)
  Object.assign(bench.ports, { fieldOwnership: 'keep' })
  await recovered(bench)
  t.equal(bench.cluster.kube.givenUp.length, 0)
  t.match((await bench.audit('fields-given-up'))[0]?.body, { result: 'kept', detail: /a setting says so/ })

  const paused = await openBench(t)
  await paused.fire()
  await paused.look()
  await paused.ledger.setSwitch({ mode: 'off', reason: 'stop', by: 'ann', at: paused.clock.now() })
  paused.value = 0.001
  await paused.pass(10 * MINUTE)
  t.equal((await paused.run()).outcome, 'recovered')
  t.equal(paused.cluster.kube.givenUp.length, 0, 'nothing is written while the switch is lowered')
  t.match(await texts(paused), [/The next deploy: .*the switch is lowered/])
})

t.test('the message says what the next deploy meets', async t => {
  const bench = await openBench(t)
  await recovered(bench)
  t.match(await texts(bench), [/The next deploy: whoever deploys the same manifest again brings the undone version back/])
})
