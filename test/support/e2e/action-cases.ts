import type { Test } from 'tap'
import { type JsonObject, listAt, textAt } from '../../../src/base/json.ts'
import { objectPath, type TargetKind } from '../../../src/domain/objects.ts'
import { ARGOCD, FLUX } from '../../stories/gitops-stories.ts'
import { writeChart } from '../../stories/release-stories.ts'
import type { Helm } from '../cluster/helm.ts'
import { BROKEN } from '../cluster/stages.ts'
import { autoscalerOf, ok, type TestClients, untilWorkload } from '../conformance/clients.ts'
import { openBreakers } from '../world/breakers.ts'
import { untilServing } from '../world/healthy.ts'
import type { World, WorldOptions } from '../world/world.ts'
import { ALL_POD_NEEDS, makeClasses, makeNeeds, POD_NEEDS } from './pod-needs.ts'

interface Parts {
  readonly admin: TestClients
  readonly helm: Helm
  /** Somebody who can be called. */
  readonly receiver: { readonly url: string; readonly calls: readonly string[] }
}

export interface Case {
  readonly name: string
  readonly values: readonly string[]
  readonly world?: Partial<WorldOptions>
  readonly policy: JsonObject
  /** Brings the symptom about. */
  readonly bad: (t: Test, world: World) => Promise<void>
  /** After the write: what makes the symptom go, where the write alone does not. */
  readonly better?: (world: World) => Promise<void>
  /** Rights that are used only when something goes wrong on the way, or are the user's own. */
  readonly notUsed?: RegExp
  /** How often it called somebody outside the API server so far. */
  readonly calls?: () => number
  /** How often the write does. */
  readonly called?: number
}

const CONFIRM = { within: '80s', passes: 2, every: '1s' }
const TARGET_OFF = ['--set', 'targets.deployments=false']
export const ACTIONS_OFF = ['--set', 'actions.rolloutUndo=false', '--set', 'actions.rolloutRestart=false']
const LOOK_AT_ALL = ['--set', 'goingBack.secrets=true', '--set', 'goingBack.classes=true']
const UNDO = { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: CONFIRM }
const target = (kind: TargetKind) => ({ kind, namespace: 'unused', name: 'unused' })
const SERVING = {
  name: 'serving pods',
  promql: 'count(http_requests_total{namespace="{{ target.namespace }}", deployment="{{ target.name }}", status="200"})',
  failWhen: '< 3',
  window: '1s',
  samples: 1,
  every: '1s',
  maxAge: '10s'
}

async function deployBad(_t: Test, world: World): Promise<void> {
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
}

/** The running version fails until its pods are new ones, or something is called. */
async function failing(_t: Test, world: World): Promise<void> {
  await world.deploy('app:v1')
  world.errors.set('app:v1', 0.4)
}

async function recovers(world: World): Promise<void> {
  world.errors.delete('app:v1')
}

const gitops = ({ admin }: Parts, tool: typeof ARGOCD, values: readonly string[]): Case => ({
  name: `gitops-suspend ${tool.name}`,
  values: ['--set', 'actions.rolloutRestart=false', '--set', 'actions.gitopsSuspend=true', ...values],
  policy: { steps: [{ action: 'gitops-suspend' }, UNDO] },
  world: { workload: { podSpec: POD_NEEDS } },
  async bad(_t, world) {
    await makeNeeds(admin, world.namespace)
    ok(await admin.kube.post(tool.path(world.namespace), tool.object(world.namespace)))
    const listing = tool.listing(world.namespace, ['api'])
    const owner = `${tool.path(world.namespace)}/shop${listing.path}`
    ok(await admin.kube.jsonPatch(owner, [{ op: 'add', path: '/status', value: listing.status }]))
    await world.deploy('app:v1')
    await world.image('app:v2-err40')
    const marks = Object.entries(tool.metadata(world.namespace)) as [string, Readonly<Record<string, string>>][]
    for (const [field, map] of marks)
      for (const [key, value] of Object.entries(map)) {
        if (field === 'labels')
          ok(await admin.kube.jsonPatch(objectPath(world.target), [{ op: 'add', path: '/metadata/labels', value: map }]))
        else
          ok(
            await admin.kube.jsonPatch(objectPath(world.target), [
              { op: 'add', path: `/metadata/${field}/${key.replaceAll('/', '~1')}`, value }
            ])
          )
      }
  },
  // Both kinds of Flux are granted; only one owns this target.
  notUsed: /helmreleases/
})

/** Each action, as somebody would use it. */
export function actionCases(parts: Parts): readonly Case[] {
  const { admin, helm, receiver } = parts
  const breakers = openBreakers('payments')
  return [
    {
      name: 'rollout-undo StatefulSet',
      values: [...TARGET_OFF, '--set', 'targets.statefulSets=true', '--set', 'actions.rolloutRestart=false'],
      world: { workload: { kind: 'StatefulSet', replicas: 3, spec: { serviceName: 'api' }, podSpec: POD_NEEDS } },
      policy: { target: target('StatefulSet'), steps: [UNDO], verify: [SERVING] },
      async bad(_t, world) {
        await makeNeeds(admin, world.namespace)
        await world.deploy('app:v1')
        await untilServing(world, 3)
        const operations = [
          { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2' },
          { op: 'add', path: '/spec/template/metadata/annotations', value: { [BROKEN]: 'CrashLoopBackOff' } }
        ]
        ok(await admin.kube.jsonPatch(objectPath(world.target), operations))
        await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.brokenPods.length > 0, 'the crash')
      },
      // Only a pod that is missing at a look is asked about.
      notUsed: /^list events$/
    },
    {
      name: 'rollout-undo DaemonSet',
      values: [...TARGET_OFF, '--set', 'targets.daemonSets=true', '--set', 'actions.rolloutRestart=false', ...LOOK_AT_ALL],
      world: { workload: { kind: 'DaemonSet', podSpec: ALL_POD_NEEDS } },
      policy: { target: target('DaemonSet'), steps: [UNDO] },
      async bad(t, world) {
        await makeClasses(admin)
        await makeNeeds(admin, world.namespace)
        await deployBad(t, world)
      },
      // Every node answers here, and every pod can be made. A storage class is named only by a claim that a provisioner fills.
      notUsed: /pods\/eviction|^list events$|storageclasses/
    },
    {
      name: 'rollout-restart',
      values: ['--set', 'actions.rolloutUndo=false'],
      policy: { changedWithin: undefined, steps: [{ action: 'rollout-restart', confirm: CONFIRM }] },
      bad: failing,
      better: recovers
    },
    {
      name: 'rollout-abort',
      values: [...TARGET_OFF, ...ACTIONS_OFF, '--set', 'targets.rollouts=true', '--set', 'actions.rolloutAbort=true'],
      world: {
        workload: { kind: 'Rollout', replicas: 4, spec: { strategy: { canary: { steps: [{ setWeight: 50 }, { pause: {} }] } } } }
      },
      policy: { target: target('Rollout'), steps: [{ action: 'rollout-abort', confirm: CONFIRM }] },
      bad: deployBad
    },
    {
      name: 'helm-rollback',
      values: [
        ...ACTIONS_OFF,
        '--set',
        'actions.helmRollback=true',
        '--set-json',
        `helmRollback.rules=${JSON.stringify([
          { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['get', 'list', 'watch', 'patch'] },
          { apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['get', 'list', 'watch', 'patch'] }
        ])}`
      ],
      policy: { steps: [{ action: 'helm-rollback', with: { provenFor: '0s', timeout: '30s' }, confirm: CONFIRM }] },
      async bad(t, world) {
        const chart = writeChart(t)
        await makeNeeds(admin, world.namespace)
        const pod = ['--set-json', `pod=${JSON.stringify(POD_NEEDS)}`, '--wait']
        await helm('install', 'api', chart, '-n', world.namespace, ...pod)
        await helm('upgrade', 'api', chart, '-n', world.namespace, '--set', 'image=app:v2-err40', ...pod)
      },
      notUsed: /(deployments|replicasets)\.apps|^(?!get).* configmaps|pods$/
    },
    {
      name: 'scale autoscaler',
      values: [...ACTIONS_OFF, '--set', 'actions.scale=true', '--set', 'scale.workloads=false', '--set', 'scale.nodes=true'],
      policy: {
        changedWithin: undefined,
        steps: [{ action: 'scale', with: { to: 3, max: 4, restoreAfter: '1s', reportNodes: true }, confirm: CONFIRM }]
      },
      async bad(t, world) {
        await failing(t, world)
        ok(await admin.kube.post(`/apis/autoscaling/v2/namespaces/${world.namespace}/horizontalpodautoscalers`, autoscalerOf('api', 2, 4)))
      },
      better: recovers
    },
    {
      name: 'scale workload',
      values: [...ACTIONS_OFF, '--set', 'actions.scale=true', '--set', 'scale.autoscalers=false', '--set', 'scale.giveUpFields=true'],
      policy: { changedWithin: undefined, steps: [{ action: 'scale', with: { to: 3, max: 4, restoreAfter: '1s' }, confirm: CONFIRM }] },
      bad: failing,
      better: recovers
    },
    {
      name: 'delete-pod',
      values: [...ACTIONS_OFF, '--set', 'actions.deletePod=true'],
      world: { workload: { replicas: 3 } },
      policy: {
        changedWithin: undefined,
        verify: [SERVING],
        steps: [{ action: 'delete-pod', with: { olderThan: '1s' }, confirm: CONFIRM }]
      },
      async bad(_t, world) {
        await world.deploy('app:v1')
        const list = ok(await admin.kube.get(`/api/v1/namespaces/${world.namespace}/pods`))
        const pod = listAt(list, 'items')[0]
        const ready = listAt(pod, 'status', 'conditions').findIndex(condition => textAt(condition, 'type') === 'Ready')
        const path = `/api/v1/namespaces/${world.namespace}/pods/${textAt(pod, 'metadata', 'name') ?? ''}/status`
        ok(await admin.kube.jsonPatch(path, [{ op: 'replace', path: `/status/conditions/${ready}/status`, value: 'False' }]))
      }
    },
    {
      name: 'circuit-breaker-reset',
      values: [...ACTIONS_OFF, '--set', 'actions.circuitBreakerReset=true'],
      world: { answer: breakers.answer },
      calls: () => breakers.posts.length,
      called: 2,
      policy: {
        changedWithin: undefined,
        steps: [
          {
            action: 'circuit-breaker-reset',
            with: { url: 'http://{{ pod.ip }}:8080/actuator/circuitbreakers/payments', each: 'pod' },
            confirm: CONFIRM
          }
        ]
      },
      bad: failing,
      better: recovers
    },
    {
      name: 'http',
      values: [...ACTIONS_OFF, '--set', 'actions.http=true'],
      calls: () => receiver.calls.length,
      called: 1,
      policy: {
        changedWithin: undefined,
        steps: [{ action: 'http', with: { url: `${receiver.url}/flush`, body: { cache: 'all' } }, confirm: CONFIRM }]
      },
      bad: failing,
      better: recovers
    },
    gitops(parts, ARGOCD, ['--set', 'gitops.argocd.enabled=true', '--set', 'gitops.argocd.namespace=act-gitops-suspend-argo-cd']),
    gitops(parts, FLUX, ['--set', 'gitops.flux.enabled=true', '--set', 'gitops.flux.namespaces={act-gitops-suspend-flux}'])
  ]
}
