import type { Test } from 'tap'
import { at, type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type World, waitUntil } from '../support/world/world.ts'
import { HELM_STEP, openReleaseWorld, type ReleaseSite, writeChart } from './release-stories.ts'

const UNDO = { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: HELM_STEP.confirm }

/** What another policy would do with the target now. */
async function dryRun(world: World, policy: string): Promise<JsonObject> {
  let answer: JsonObject = {}
  await waitUntil(
    async () => {
      answer = (await world.api('POST', '/api/v1/dry-runs', { policy, target: world.target })).body
      const reason = String(answer['reason'])
      return !['window-not-over', 'symptom-not-confirmed', 'inconclusive', 'rollout-moving', 'clock-skew', 'order-unclear'].includes(reason)
    },
    () => `${policy}: ${JSON.stringify(answer)}`
  )
  return answer
}

/** A Deployment of a release is changed as people do it, past helm. Undoing it is the way; rolling the release back is none. */
export async function changedPastHelm(t: Test, site: ReleaseSite, namespace: string, how: 'image' | 'env'): Promise<void> {
  const only = (name: string, step: object): JsonObject => storyPolicy(namespace, { name, match: ['alertname="Never"'], steps: [step] })
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace, { steps: [HELM_STEP, UNDO] }), only('helm-only', HELM_STEP), only('undo-only', UNDO)]
  })
  // Straight to the API server: helm gives its token to nobody without TLS.
  Object.assign(world.flags, { helm: site.program, kubeconfig: site.kubeconfig })
  const { helm } = site
  const chart = writeChart(t)
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  const before = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it runs')
  // Both policies are asked before the run writes.
  await world.api('PUT', '/api/v1/switch', { mode: 'off', reason: 'others are asked first' })
  // Older than what a controller may lag behind helm.
  if (how === 'env') await new Promise(resolve => setTimeout(resolve, 11_000))
  if (how === 'image') await world.image('app:v2-err40')
  else {
    world.errors.set('app:v1', 0.4)
    await setEnv(world)
    await untilWorkload(world.clients.cluster, world.target, workload => workload.identity !== before.identity, 'it is changed')
  }
  const helmOnly = await dryRun(world, 'helm-only')
  const undoOnly = await dryRun(world, 'undo-only')
  await world.api('PUT', '/api/v1/switch', { mode: 'auto', reason: 'both were asked' })
  await untilWorkload(world.clients.cluster, world.target, workload => workload.identity === before.identity, 'it is undone')
  world.errors.delete('app:v1')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(run['step'], 1, 'the rung that helps')
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v1')
  const history: unknown = JSON.parse(await helm('history', 'api', '-n', namespace, '-o', 'json'))
  t.same(
    listAt({ history }, 'history').map(entry => at(entry, 'revision')),
    [1],
    'the release was left alone'
  )
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  const act = listAt(body, 'timeline').find(row => textAt(row, 'kind') === 'decision' && textAt(row, 'verdict') === 'act')
  t.match(act, {
    passed: [{ action: 'helm-rollback', why: /changed past release [a-z0-9-]+\/api.*use rollout-undo, which would put revision 1/ }]
  })
  t.match(helmOnly, { reason: 'changed-past-helm', detail: /use rollout-undo, which would put revision 1 \(app:v1\) back/ })
  t.match(undoOnly, {
    outcome: 'dry-run',
    facts: { plan: { summary: /put revision 1/, pastRelease: /changed past release [a-z0-9-]+\/api/ } }
  })
}

async function setEnv(world: World): Promise<void> {
  const path = objectPath(world.target)
  ok(
    await world.clients.kube.jsonPatch(`${path}?fieldManager=kubectl-set`, [
      { op: 'add', path: '/spec/template/spec/containers/0/env', value: [{ name: 'POOL', value: '0' }] }
    ])
  )
}

/** A release that helm upgraded: the undo is not the way, and a ladder of both goes on to the rollback. */
export async function upgradedBehindNobody(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace, { steps: [UNDO, HELM_STEP] })
  const { helm } = site
  const chart = writeChart(t)
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(run['step'], 1)
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  const act = listAt(body, 'timeline').find(row => textAt(row, 'kind') === 'decision' && textAt(row, 'verdict') === 'act')
  t.match(act, { passed: [{ action: 'rollout-undo', why: /release [a-z0-9-]+\/api made it.*use helm-rollback/ }] })
}
