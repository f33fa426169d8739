import t from 'tap'
import type { Fit } from '../../../src/actions/fit.ts'
import { fitsToday } from '../../../src/actions/fits-today.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import type { WriteResult } from '../../../src/domain/ports/cluster.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { StoryClock } from '../../support/bench.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { badRollout, podOf, templateOf } from '../../support/workloads.ts'

const soon = AbortSignal.timeout(60_000)
const OLD: JsonObject = templateOf('app:v1')

function stage(set: (cluster: StoryCluster) => void = () => {}) {
  const cluster = new StoryCluster(new StoryClock())
  set(cluster)
  return async (workload: Workload = badRollout(), template: JsonObject = OLD, readyPods = 0): Promise<Fit> =>
    fitsToday({ cluster }, { workload, owners: [], template, readyPods }, soon)
}

const quota = (hard: object, used: object): JsonObject => ({ metadata: { name: 'q' }, status: { hard, used } })
const three = (more: Partial<Workload> = {}): Workload => ({ ...badRollout(), pods: ['a', 'b', 'c'].map(name => podOf(name)), ...more })
const why = (fit: Fit): string => (fit.kind === 'cannot' ? fit.why : fit.kind)

t.test('what is gone excludes it; what may not be looked at is said', async t => {
  const needy = { ...OLD, spec: { ...Object(OLD['spec']), serviceAccountName: 'api', imagePullSecrets: [{ name: 'pull' }] } }
  t.equal(
    why(await stage(cluster => cluster.gone.add('ServiceAccount api'))(badRollout(), needy)),
    'it needs ServiceAccount api, which is gone'
  )
  t.match(await stage(cluster => cluster.unseen.add('Secret'))(badRollout(), needy), {
    kind: 'fits',
    notLookedAt: ['Secret pull (no right)']
  })
  const noPull = stage(cluster => cluster.gone.add('Secret pull'))
  t.equal(why(await noPull(badRollout(), needy)), 'it needs Secret pull, which is gone')
  t.equal((await noPull({ ...badRollout(), template: needy }, needy)).kind, 'fits', 'the pods that run now do without it too')
})

t.test('a quota: the first pod must fit, with what goes before it, and all of them in the end', async t => {
  const full = stage(cluster => {
    cluster.quotas = [quota({ pods: '3' }, { pods: '3' })]
  })
  const rolling = (maxUnavailable: number) => three({ rolling: { maxUnavailable, maxSurge: 1 } })
  t.match(why(await full(rolling(0))), /quota q has no room for its first pod \(pods: 3 of 3 used\), and none goes before it/)
  t.equal(why(await full(rolling(1))), 'fits', 'one goes first')
  t.equal(why(await full(three({ strategy: 'Recreate' }))), 'fits', 'all go first')
  t.equal(
    why(await full(three({ ref: { kind: 'StatefulSet', namespace: 'shop', name: 'api' } }))),
    'fits',
    'a set replaces each in its place'
  )
  t.match(why(await full(three({ strategy: 'BlueGreen' }))), /no room/)
  t.equal(why(await full(rolling(0), OLD, 3)), 'fits', 'all its pods are still there: none is made')
  const lowered = stage(cluster => {
    cluster.quotas = [quota({ pods: '1' }, { pods: '3' })]
  })
  t.match(why(await lowered(three({ strategy: 'Recreate' }))), /no room for all of its 3 pods/)
})

t.test('a quota of what pods ask for: the older version asks for more', async t => {
  const asking = (cpu: string): JsonObject => ({
    metadata: { labels: { app: 'api' } },
    spec: { containers: [{ name: 'api', image: 'app', resources: { requests: { cpu } } }] }
  })
  const fits = stage(cluster => {
    cluster.quotas = [quota({ 'requests.cpu': '3' }, { 'requests.cpu': '1500m' })]
  })
  const present = three({ template: asking('500m'), strategy: 'Recreate' })
  t.equal(why(await fits(present, asking('1'))), 'fits')
  const exact = stage(cluster => {
    cluster.quotas = [quota({ 'requests.cpu': '900m' }, { 'requests.cpu': '900m' })]
  })
  t.equal(
    why(await exact(three({ template: asking('300m'), rolling: { maxUnavailable: 1, maxSurge: 0 } }), asking('300m'))),
    'fits',
    'exactly full'
  )
  t.match(why(await fits(present, asking('1100m'))), /quota q has no room for all of its 3 pods \(requests.cpu/)
  t.match(await fits(present, OLD), { kind: 'fits', notLookedAt: [/whether a LimitRange fills in requests.cpu/] })
})

t.test('the server refuses the older template, and would not refuse the present one: it cannot run', async t => {
  const refusing = (detail: string, kind: 'conflict' | 'refused' | 'forbidden', always = false) =>
    stage(cluster => {
      cluster.onDryRun = ({ write }): WriteResult | undefined =>
        always || write.operations.some(({ op }) => op === 'replace') ? { kind, detail } : undefined
    })
  const policy = "deployments.apps \"api\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no latest"
  for (const kind of ['conflict', 'refused', 'forbidden'] as const)
    t.equal(why(await refusing(policy, kind)()), `the API server refuses it: ${policy}`, 'a policy answers 422, 400 or 403')
  t.equal(why(await refusing(policy, 'forbidden', true)()), 'fits', 'it takes no write at all: that is no fault of the older version')
  t.match(
    await refusing('deployments.apps "api" is forbidden: User "a" cannot patch resource "deployments" in API group "apps"', 'forbidden')(),
    {
      kind: 'fits',
      notLookedAt: ['whether the API server takes it (no right to patch)']
    }
  )
  t.match(await refusing('admission webhook "x" does not support dry run', 'refused')(), {
    kind: 'fits',
    notLookedAt: [/a webhook has no dry run/]
  })
  t.equal(
    why(await refusing('the server rejected our request due to an error in our request', 'conflict')()),
    'fits',
    'the target has changed'
  )
  t.equal((await refusing('deadline', 'conflict')()).kind, 'cannot')
})

t.test('without the right to patch nothing warns, and what the namespace enforces is told', async t => {
  const blind = stage(cluster => {
    cluster.podSecurity = { enforce: 'restricted' }
    cluster.onDryRun = () => ({ kind: 'forbidden', detail: 'User "a" cannot patch resource "deployments"' })
  })
  t.match(await blind(), {
    notLookedAt: ['whether the API server takes it, and its pods under Pod Security “restricted” (no right to patch)']
  })
})

t.test('no answer: nothing is known', async t => {
  const dead = stage(cluster => {
    cluster.onDryRun = () => ({ kind: 'unknown', detail: '503: overload' })
  })
  t.same(await dead(), { kind: 'no-answer', detail: '503: overload' })
})

t.test('Pod Security does not look into a Rollout, and that is said', async t => {
  const fit = await stage()({ ...badRollout(), ref: { kind: 'Rollout', namespace: 'shop', name: 'api' } })
  t.match(fit, { kind: 'fits', notLookedAt: [/it does not look into a Rollout/] })
})
