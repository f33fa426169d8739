import fc from 'fast-check'
import t from 'tap'
import { circuitBreakerReset } from '../../../src/actions/circuit-breaker-reset/circuit-breaker-reset.ts'
import { deletePod } from '../../../src/actions/delete-pod/delete-pod.ts'
import { gitopsSuspend } from '../../../src/actions/gitops-suspend/gitops-suspend.ts'
import { http } from '../../../src/actions/http/http.ts'
import { ACTIONS } from '../../../src/actions/registry.ts'
import { rolloutAbort } from '../../../src/actions/rollout-abort/rollout-abort.ts'
import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { watchUndo } from '../../../src/actions/rollout-undo/unstick.ts'
import { type ScaleOptions, wantedReplicas } from '../../../src/actions/scale/options.ts'
import { quotaRoom } from '../../../src/actions/scale/room.ts'
import { scale } from '../../../src/actions/scale/scale.ts'
import { namesPod, stepUrl, urlError } from '../../../src/actions/step-request.ts'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import { quantityOf } from '../../../src/base/quantity.ts'
import type { PlanResult } from '../../../src/domain/action.ts'
import type { Owner } from '../../../src/domain/owner.ts'
import type { Plan, Write } from '../../../src/domain/plan.ts'
import type { PodSummary } from '../../../src/domain/pod.ts'
import { touchedName } from '../../../src/domain/touched.ts'
import type { Rollout, Workload } from '../../../src/domain/workload.ts'
import { refusalOf } from '../../../src/outgoing/addresses.ts'
import { storyHttp } from '../../support/story-actions.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyNeeds, storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, planInput, podOf, revisionOf, workloadOf } from '../../support/workloads.ts'

const told = (result: PlanResult): string => (result.kind === 'plan' ? result.plan.summary : result.refusal.reason)
const planned = <W extends Write>(result: PlanResult<W>): Plan<W> => {
  if (result.kind === 'plan') return result.plan
  throw new Error(`${result.refusal.reason}: ${result.refusal.detail}`)
}
const never = AbortSignal.timeout(60_000)

t.test('every action says how its write is taken back, and names itself', async t => {
  for (const action of ACTIONS) {
    t.ok(action.title.endsWith('.'))
    t.ok(action.kinds.length > 0)
    for (const kind of action.kinds) for (const right of action.rights(kind)) t.not(right.resource, '*')
  }
})

t.test('delete-pod: outliers only', async t => {
  const sick = (count: number, of: number, more = {}): Workload => ({
    ...badRollout(),
    pods: Array.from({ length: of }, (_, index) => podOf(`api-${index}`, { ready: index >= count, ...more }))
  })
  t.equal(told(deletePod.plan(planInput(sick(1, 5)))), 'evict api-0 (1 of 5 unhealthy)')
  t.equal(told(deletePod.plan(planInput(sick(2, 10)))), 'evict api-0, api-1 (2 of 10 unhealthy)', 'a fifth')
  t.equal(told(deletePod.plan(planInput(sick(2, 5)))), 'too-many-unhealthy')
  t.equal(told(deletePod.plan(planInput(sick(2, 5), { options: { atMost: 2 } }))), 'evict api-0, api-1 (2 of 5 unhealthy)')
  t.equal(told(deletePod.plan(planInput(sick(1, 1)))), 'too-many-unhealthy', 'the only one')
  t.equal(told(deletePod.plan(planInput(sick(0, 3)))), 'already-so')
  t.equal(told(deletePod.plan(planInput(sick(1, 5, { controlled: false })))), 'unsuitable-target')
  t.equal(told(deletePod.plan(planInput(sick(1, 5, { mirror: true })))), 'unsuitable-target')
  t.equal(told(deletePod.plan(planInput(sick(1, 5, { createdAt: NOON - MINUTE })))), 'rollout-moving', 'it is still starting')
  const named = (pod: string, labels = {}) =>
    told(deletePod.plan(planInput(sick(0, 3), { options: { pod }, values: { labels, annotations: {} } })))
  t.equal(named('{{ labels.pod }}', { pod: 'api-2' }), 'evict api-2 (1 of 3 unhealthy)')
  t.equal(named('{{ labels.pod }}', { pod: 'other' }), 'target-not-found')
  t.equal(named('{{ labels.pod }}', { pod: '../secrets' }), 'label-unsafe')
  t.equal(named('{{ labels.pod }}'), 'label-missing')
})

t.test('delete-pod: pods are counted as their controllers count them', async t => {
  const of = (pods: readonly PodSummary[], more: Partial<Workload> = {}): unknown =>
    told(deletePod.plan(planInput({ ...badRollout(), replicas: pods.length, pods, ...more }, { options: { atMost: 1 } })))
  const well = ['b', 'c', 'd'].map(name => podOf(name))
  const sick = podOf('a', { ready: false })
  const evicted = ['x', 'y', 'z'].map(name => podOf(name, { ready: false, ended: true }))
  t.equal(of([sick, ...well, ...evicted], { replicas: 4 }), 'evict a (1 of 4 unhealthy)', 'a pod that ran to its end is none')
  t.equal(of([sick, ...well], { replicas: 5 }), 'too-many-unhealthy', 'one that could not be made is missing')
  const young = podOf('b', { readyAt: NOON - 5_000 })
  t.equal(of([sick, young, ...well.slice(1)], { minReadyMs: 10_000 }), 'too-many-unhealthy', 'one is not available yet')
  t.equal(of([sick, young, ...well.slice(1)], { minReadyMs: 5_000 }), 'too-many-unhealthy', 'others do not say since when they are ready')
  t.equal(of([sick, ...well], { minReadyMs: 0 }), 'evict a (1 of 4 unhealthy)')
})

t.test('delete-pod: a disruption budget says not now; of several, those that went are told', async t => {
  const cluster = new StoryCluster({ now: () => NOON, sleep: async () => {} })
  const tools = storyTools(cluster, { now: () => NOON, sleep: async () => {} }, { kube: cluster.kube })
  const workload = { ...badRollout(), pods: ['a', 'b', 'c', 'd', 'e'].map((name, index) => podOf(name, { ready: index > 1 })) }
  const plan = planned(deletePod.plan(planInput(workload, { options: { atMost: 2 } })))
  const budget = { kind: 'error', status: 429, says: { causes: ['DisruptionBudget'] } } as const
  cluster.kube.onPost = () => ({ ...budget, detail: 'Cannot evict pod as it would violate the budget' })
  t.match(await deletePod.apply(tools, intentOf(plan), { dryRun: false }, never), { kind: 'held', detail: /a: Cannot evict/ })
  cluster.kube.onPost = path => (path.includes('/a/') ? { kind: 'ok', status: 201, object: {} } : { ...budget, detail: 'no' })
  t.match(await deletePod.apply(tools, intentOf(plan), { dryRun: false }, never), { kind: 'applied', detail: 'evicted a; not b: no' })
  cluster.kube.onPost = () => ({ kind: 'error', status: 500, detail: 'two budgets match' })
  t.match(await deletePod.apply(tools, intentOf(plan), { dryRun: false }, never), { kind: 'unknown' })
})

const SEEN = { autoscalers: [], quotas: [] }
const HPA = { name: 'api', path: '/hpa', uid: 'u', floor: 2, ceiling: 6, annotated: false, keda: false }
const scaled = (options: ScaleOptions, more: Partial<Workload> = {}, seen: Parameters<typeof scale.plan>[1] = SEEN): string =>
  told(scale.plan(planInput({ ...badRollout(), ...more }, { options }), seen))

t.test('scale: absolute, relative, within bounds, never to 0', async t => {
  t.match(scaled({ to: 5, max: 6 }), /^scale from 3 to 5 pods; given back 30m after the recovery/)
  t.match(scaled({ by: '+50%', max: 6 }), /from 3 to 5/)
  t.match(scaled({ by: '+10%', max: 6 }), /from 3 to 4/, 'at least one more')
  t.match(scaled({ by: '+500%', max: 6 }), /from 3 to 6/)
  t.match(scaled({ by: '-9', max: 6, min: 2 }), /from 3 to 2/)
  t.equal(scaled({ to: 3, max: 6 }), 'already-so')
  t.equal(scaled({ to: 5, max: 6 }, { replicas: 0 }), 'unsuitable-target', 'somebody turned it off')
  t.equal(scaled({ to: 5, max: 6, connections: { perReplica: 20, atMost: 90 } }), 'out-of-bounds')
  t.match(scaled({ to: 4, max: 6, connections: { perReplica: 20, atMost: 90 } }), /from 3 to 4/)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: -999, max: 999 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 100 }),
      (current, by, percent, max) => {
        const wanted = wantedReplicas(current, { by: `${by < 0 ? '' : '+'}${by === 0 ? 1 : by}${percent ? '%' : ''}`, max })
        return wanted >= 1 && wanted <= max && Number.isInteger(wanted)
      }
    )
  )
})

t.test('scale: an autoscaler decides, so its floor is raised; or it is left alone', async t => {
  const through = (options: ScaleOptions, autoscaler = HPA, more = {}): string =>
    scaled(options, more, { autoscalers: [autoscaler], quotas: [] })
  t.match(through({ by: '+2', max: 9 }), /raise the floor of autoscaler api from 2 to 5;/)
  t.match(through({ by: '+5', max: 9 }), /from 2 to 6;/, 'not above its ceiling')
  t.match(
    through({ by: '+5', max: 9, autoscaler: 'floor-and-ceiling' }),
    /floor of autoscaler api from 2 to 8 and its ceiling from 6 to 8;/
  )
  t.match(through({ by: '+9', max: 9, autoscaler: 'floor-and-ceiling' }), /to 9 and its ceiling from 6 to 9;/, 'not above the policy’s')
  t.equal(through({ by: '+5', max: 9 }, HPA, { replicas: 6 }), 'out-of-bounds', 'at its ceiling a higher floor brings no pod')
  t.equal(through({ by: '+2', max: 9, autoscaler: 'deny' }), 'autoscaler-owned')
  t.equal(through({ by: '+2', max: 9 }, { ...HPA, keda: true }), 'autoscaler-owned')
  t.equal(scaled({ by: '+2', max: 9 }, {}, { autoscalers: [HPA, { ...HPA, name: 'second' }], quotas: [] }), 'autoscaler-owned')
})

t.test('scale: quotas', async t => {
  const workload = workloadOf([revisionOf(1, 'app', NOON - HOUR)])
  const template = { spec: { containers: [{ resources: { requests: { cpu: '500m', memory: '1Gi' } } }] } }
  const quota = (hard: object, used: object) => ({ metadata: { name: 'q' }, status: { hard, used } })
  t.same(
    quotaRoom(
      [quota({ 'requests.cpu': '4', pods: '10', services: '5' }, { 'requests.cpu': '3500m', pods: '3' })],
      { ...workload, template },
      2
    ),
    [
      { quota: 'q', resource: 'requests.cpu', hard: 4, used: 3.5, needed: 1 },
      { quota: 'q', resource: 'pods', hard: 10, used: 3, needed: 2 }
    ]
  )
  t.equal(scaled({ to: 5, max: 6 }, {}, { autoscalers: [], quotas: [quota({ pods: '4' }, { pods: '3' })] }), 'no-room')
  t.same(['1', '500m', '2Gi', '1k', '1e3', 'x'].map(quantityOf), [1, 0.5, 2 * 2 ** 30, 1_000, 1_000, undefined])
})

t.test('rollout-abort: only while an update is under way', async t => {
  const rollout = (stable: string, current: string, aborted = false): Workload => ({
    ...badRollout(),
    ref: { kind: 'Rollout', namespace: 'shop', name: 'api' },
    canary: { stable, current, aborted, phase: 'Progressing', message: '' }
  })
  t.match(told(rolloutAbort.plan(planInput(rollout('v1', 'v2')))), /abort the update to app:v2/)
  t.equal(told(rolloutAbort.plan(planInput(rollout('v2', 'v2')))), 'unsuitable-target')
  t.equal(told(rolloutAbort.plan(planInput(rollout('v1', 'v2', true)))), 'already-so')
})

t.test('rollout-abort: where the CRD has no status subresource, on the object itself', async t => {
  const cluster = new StoryCluster({ now: () => NOON, sleep: async () => {} })
  const ref = { kind: 'Rollout', namespace: 'shop', name: 'api' } as const
  const workload: Workload = {
    ...badRollout(),
    ref,
    canary: { stable: 'v1', current: 'v2', aborted: false, phase: 'Progressing', message: '' }
  }
  const path = '/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/api'
  cluster.kube.objects.set(path, { metadata: { uid: 'uid-api' }, status: { currentPodHash: 'v2', stableRS: 'v1' } })
  const tools = storyTools(cluster, { now: () => NOON, sleep: async () => {} })
  const result = await rolloutAbort.apply(tools, intentOf(planned(rolloutAbort.plan(planInput(workload)))), { dryRun: false }, never)
  t.equal(result.kind, 'applied')
  t.same(cluster.kube.writes, [`PATCH ${path}`])
  t.match(cluster.kube.objects.get(path), { status: { abort: true } })
})

t.test('rollout-undo: a release’s own workload, and OnDelete', async t => {
  const release = { name: 'shop', namespace: 'shop' }
  t.equal(told(rolloutUndo.plan(planInput({ ...badRollout(), release }))), 'helm-owned')
  t.match(told(rolloutUndo.plan(planInput({ ...badRollout(), release }, { options: { evenIfHelmOwned: true } }))), /put revision 1/)
  t.equal(told(rolloutUndo.plan(planInput({ ...badRollout(), strategy: 'OnDelete' }))), 'unsuitable-target')
  t.match(told(rolloutUndo.plan(planInput({ ...badRollout(), partition: 2 }))), /pods below ordinal 2 keep theirs/)
})

t.test('rollout-undo of a StatefulSet: unstuck in order, one at a time, and only once the controller has seen it', async t => {
  const cluster = new StoryCluster({ now: () => NOON, sleep: async () => {} })
  const tools = storyTools(cluster, { now: () => NOON, sleep: async () => {} }, { kube: cluster.kube })
  const moving = { state: 'moving', seen: true, detail: '1 of 3', available: false, brokenPods: [] } as const
  const stuck: Workload = {
    ...badRollout(),
    ref: { kind: 'StatefulSet', namespace: 'shop', name: 'db' },
    inOrder: true,
    rollout: moving,
    pods: [
      podOf('db-0', { current: true }),
      podOf('db-2', { ready: false, current: false }),
      podOf('db-10', { ready: false, current: false })
    ]
  }
  const plan = planned(rolloutUndo.plan(planInput(badRollout())))
  const look = async (workload: Workload, mayWrite = true): Promise<string> => {
    const watched = await watchUndo(tools, plan, { workload, since: NOON, mayWrite }, never)
    return 'did' in watched && watched.did !== undefined ? watched.did : watched.state
  }
  t.equal(await look(stuck, false), 'moving', 'nothing is written while the switch is lowered')
  t.match(await look(stuck), /evicted db-10/, 'the highest ordinal first, by number')
  t.equal(await look({ ...stuck, rollout: { ...moving, seen: false } }), 'moving', 'not before the controller has seen the undo')
  t.equal(await look({ ...stuck, inOrder: false }), 'moving', 'Parallel replaces its pods by itself')
  t.equal(await look({ ...stuck, pods: [...stuck.pods, podOf('db-3', { terminating: true })] }), 'moving', 'one at a time')
  t.equal(await look({ ...stuck, partition: 11 }), 'moving', 'below the partition nothing is touched')
  t.equal(cluster.kube.writes.length, 1)
})

t.test('rollout-undo of a DaemonSet: a node that does not answer stops the controller; the others are emptied one at a time', async t => {
  const cluster = new StoryCluster({ now: () => NOON, sleep: async () => {} })
  const tools = storyTools(cluster, { now: () => NOON, sleep: async () => {} }, { kube: cluster.kube })
  const plan = planned(rolloutUndo.plan(planInput(badRollout())))
  const hung = podOf('agent-c', { node: 'node-3', terminating: true, ready: false })
  const on = (name: string, node: string, more: Partial<PodSummary> = {}): PodSummary => podOf(name, { node, ...more })
  const stuck = (pods: readonly PodSummary[], more: Partial<Rollout> = {}): Workload => ({
    ...badRollout(),
    ref: { kind: 'DaemonSet', namespace: 'shop', name: 'agent' },
    pods: [...pods, hung],
    rollout: {
      state: 'stalled',
      stalledBy: 'node',
      silentNodes: ['node-3'],
      silentWanted: 1,
      seen: true,
      detail: 'agent-c on node node-3 hangs',
      available: false,
      brokenPods: [],
      ...more
    }
  })
  const look = async (workload: Workload, mayWrite = true): Promise<string> => {
    const watched = await watchUndo(tools, plan, { workload, since: NOON, mayWrite }, never)
    return 'did' in watched && watched.did !== undefined ? watched.did : watched.state
  }
  const old = { current: false }
  const both = [on('agent-a', 'node-1', old), on('agent-b', 'node-2', old)]
  t.equal(await look(stuck(both), false), 'moving', 'nothing is written while the switch is lowered')
  t.equal(await look(stuck(both, { seen: false })), 'moving', 'not before the controller has seen the undo')
  t.match(await look(stuck(both)), /evicted agent-a: the controller waits for a node that does not answer/)
  t.equal(await look(stuck([on('agent-a', 'node-1', { ...old, terminating: true }), on('agent-b', 'node-2', old)])), 'moving')
  t.equal(await look(stuck([on('agent-b', 'node-2', old)])), 'moving', 'the next one of node-1 is not there yet')
  t.equal(await look(stuck([on('agent-d', 'node-1', { ready: false }), on('agent-b', 'node-2', old)])), 'moving', 'nor ready')
  t.match(await look(stuck([on('agent-d', 'node-1'), on('agent-b', 'node-2', old)])), /evicted agent-b/)
  t.equal(await look(stuck([on('agent-d', 'node-1')], { silentWanted: 0 })), 'moving', 'two are wanted beside that node')
  t.equal(await look(stuck(both, { stalledBy: 'time' })), 'failed', 'what stands still for another reason failed')
  t.equal(cluster.kube.writes.length, 2)
})

t.test('circuit-breaker-reset: asked first, reset where it is open, and seen to be closed', async t => {
  const workload = { ...badRollout(), pods: [podOf('api-1', { ip: '10.0.0.1' }), podOf('api-2', { ip: '10.0.0.2', hostNetwork: true })] }
  const options = { url: 'http://{{ pod.ip }}:8080/actuator/circuitbreakers/payments', each: 'pod' } as const
  const clock = { now: () => NOON, sleep: async () => {} }
  const tools = storyTools(new StoryCluster(clock), clock)
  const by = (send: ReturnType<typeof storyHttp>['send']) => circuitBreakerReset(storyNeeds({ http: { send } }))
  const plan = async (send: ReturnType<typeof storyHttp>['send'], more = {}) => {
    const input = planInput({ ...workload, ...more }, { options })
    const seen = await by(send).observe(tools, input, never)
    return seen.kind === 'refused' ? seen : by(send).plan(input, seen.seen)
  }
  const answer = (status: number, body: unknown) => async () => ({ kind: 'response' as const, status, body: JSON.stringify(body) })
  const story = storyHttp()
  const result = planned(await plan(story.send))
  t.match(result.summary, /in api-1$/, 'a pod on the host’s network is not called')
  t.match(await by(story.send).apply(tools, intentOf(result), { dryRun: false }, never), {
    kind: 'applied',
    detail: 'closed in api-1'
  })
  t.equal(told(await plan(story.send)), 'already-so')
  t.equal(told(await plan(answer(200, { circuitBreakers: { other: { state: 'OPEN' } } }))), 'breaker-unknown')
  t.equal(told(await plan(answer(404, {}))), 'breaker-unknown')
  t.equal(told(await plan(answer(200, 'html'))), 'breaker-unknown')
  t.equal(told(await plan(async () => ({ kind: 'failed', sent: false, detail: 'refused' }))), 'breaker-unknown')
  t.equal(told(await plan(story.send, { pods: [] })), 'breaker-unknown')
  const stays = answer(200, { circuitBreakers: { payments: { state: 'OPEN' } } })
  t.match(
    await by(stays).apply(tools, intentOf(planned(await plan(stays))), { dryRun: false }, never),
    { kind: 'applied', detail: /closed in 0 of 1: api-1 answered 200, and it is OPEN/ },
    'an answer of 200 proves nothing'
  )
})

t.test('http: what an answer means', async t => {
  const clock = { now: () => NOON, sleep: async () => {} }
  const plan = planned(http(storyNeeds()).plan(planInput(badRollout(), { options: { url: 'https://cache.example/flush?key=secret' } })))
  t.notMatch(plan.summary, /secret/, 'a query may hold a secret')
  const sent = async (answer: Awaited<ReturnType<ReturnType<typeof storyHttp>['send']>>): Promise<string> =>
    (
      await http(storyNeeds({ http: { send: async () => answer } })).apply(
        storyTools(new StoryCluster(clock), clock),
        intentOf(plan),
        { dryRun: false },
        never
      )
    ).kind
  t.equal(await sent({ kind: 'response', status: 204, body: '' }), 'applied')
  t.equal(await sent({ kind: 'response', status: 302, body: '' }), 'refused')
  t.equal(await sent({ kind: 'response', status: 404, body: '' }), 'refused')
  t.equal(await sent({ kind: 'response', status: 503, body: '' }), 'unknown')
  t.equal(await sent({ kind: 'failed', sent: false, detail: 'ECONNREFUSED' }), 'refused')
  t.equal(await sent({ kind: 'failed', sent: true, detail: 'deadline' }), 'unknown')
})

t.test('whom an action may call', async t => {
  const mayCall = (address: string): boolean =>
    refusalOf({ address, port: 80, pod: false }, { own: [], listening: { host: '127.0.0.1', port: 8080 }, podCidrs: [] }) === undefined
  for (const address of ['10.1.2.3', '192.168.0.9', '8.8.8.8', 'fd12::1', '2001:db8::1']) t.ok(mayCall(address), address)
  for (const address of [
    '169.254.169.254',
    '169.254.0.1',
    '127.0.0.1',
    '127.10.0.1',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '::1',
    '::',
    'fe80::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:169.254.169.254',
    'not-an-address'
  ])
    t.notOk(mayCall(address), address)
  t.ok(namesPod('http://{{ pod.ip }}:8080/x'))
  t.notOk(namesPod('http://{{ pod.ip }}.evil.example/x'))
  t.match(urlError('http://{{ labels.host }}/x'), /a URL begins with/)
  for (const url of [
    'http://{{ pod.ip }}{{ labels.x }}/',
    'http://{{ pod.ip }}:{{ labels.port }}/',
    'http://x@{{ pod.ip }}/',
    'ftp://{{ pod.ip }}/'
  ])
    t.type(urlError(url), 'string', url)
  const values = { labels: { id: 'a/../b' }, annotations: {} }
  t.same(stepUrl('http://{{ pod.ip }}:1/x/{{ labels.id }}', values, 'fd12::1'), { url: 'http://[fd12::1]:1/x/a%2F..%2Fb' })
  t.match(stepUrl('http://h/{{ labels.id }}', { labels: { id: '..' }, annotations: {} }, undefined), {
    refusal: { reason: 'label-unsafe' }
  })
})

t.test('gitops-suspend: what it does, and where it would not last', async t => {
  const owner = (more: Partial<Owner> = {}): Owner => ({
    kind: 'Application',
    name: 'argocd/shop',
    enforces: 'yes',
    detail: 'automated sync',
    at: { kind: 'Application', namespace: 'argocd', name: 'shop' },
    lists: [{ kind: 'Deployment', group: 'apps', namespace: 'shop', name: 'api' }],
    object: { path: '/app', uid: 'u', annotated: true },
    automated: { selfHeal: true, prune: true },
    ...more
  })
  const suspend = (owners: readonly Owner[]): PlanResult => gitopsSuspend.plan(planInput(badRollout(), { owners }))
  const plan = planned(suspend([owner()]))
  t.match(plan.write, { operations: [{ op: 'test' }, { op: 'test', path: '/spec/syncPolicy/automated' }, { op: 'remove' }] })
  t.match(plan.reverse, /argocd app set argocd\/shop --sync-policy automated --self-heal --auto-prune/)
  t.match(plan.loan, { kind: 'remind', summary: /the version in Git comes back/ })
  t.equal(told(suspend([])), 'already-so')
  t.equal(told(suspend([owner({ enforces: 'no' })])), 'already-so')
  t.equal(told(suspend([owner({ enforces: 'unknown' })])), 'gitops-owned')
  const { object: _, ...generated } = owner()
  t.equal(told(suspend([generated])), 'gitops-owned', 'an ApplicationSet would make it anew')
  const { lists: _lists, ...silent } = owner()
  t.equal(told(suspend([silent])), 'gitops-owned', 'nobody knows what else would be suspended')
  t.same(plan.touches?.map(touchedName), ['Application argocd/shop', 'Deployment shop/api'])
})
