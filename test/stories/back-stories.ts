import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { at, type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World, waitUntil } from '../support/world/world.ts'
import { openReleaseWorld, type ReleaseSite, writeChart } from './release-stories.ts'

/** What Pod Security's level `restricted` asks of a pod and its container. */
const COMPLIANT = {
  pod: { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } },
  container: { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }
}

/** Deploys another version with other parts of its pods. */
async function roll(
  world: World,
  image: string,
  { pod = {}, container = {} }: { readonly pod?: JsonObject; readonly container?: JsonObject }
) {
  const template = { metadata: { labels: { app: 'api' } }, spec: { ...pod, containers: [{ name: 'main', image, ...container }] } }
  ok(
    await world.clients.kube.jsonPatch(`${objectPath(world.target)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template', value: template }
    ])
  )
  await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => imageOf(workload) === image && workload.rollout.state === 'complete' && workload.rollout.available,
    `${image} rolled out`
  )
}

async function configMap(world: World, name: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { level: name } }
  ok(await world.clients.kube.post(`/api/v1/namespaces/${world.namespace}/configmaps`, object))
}

const fromConfig = (name: string): JsonObject => ({
  envFrom: [{ configMapRef: { name } }, { configMapRef: { name: 'never-there', optional: true } }]
})

async function stays(t: Test, world: World, image: string): Promise<void> {
  const workload = await untilWorkload(world.clients.cluster, world.target, () => true, 'a read')
  t.equal(imageOf(workload), image, 'nothing was written')
  t.ok(workload.rollout.available, 'and its pods are all there')
  t.equal(world.proxy.deploymentWrites().length, 0)
}

const RECREATE = { spec: { strategy: { type: 'Recreate' } } }

/** The namespace was set to enforce `restricted` after v1, which runs as root; v2 complies, and is bad. */
export async function podSecurityCameLater(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], workload: RECREATE })
  await world.astern()
  await world.deploy('app:v1')
  await label(world, { 'pod-security.kubernetes.io/enforce': 'restricted' })
  await roll(world, 'app:v2-err30', COMPLIANT)

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'cannot-run'], { run })
  t.match(run['detail'], /revision 1: the API server warns: would violate PodSecurity "restricted:latest"/)
  await stays(t, world, 'app:v2-err30')
}

/** The namespace only warns of `restricted`, as people try it out. The warning is told, and v1 may come back. */
export async function podSecurityOnlyWarns(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await label(world, { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/warn': 'restricted' })
  await world.astern()
  await world.deploy('app:v1')
  await roll(world, 'app:v2-err30', COMPLIANT)

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.match(JSON.stringify(listAt(decided(body), 'warnings')), /would violate PodSecurity/, 'the warning is on record')
}

async function label(world: World, labels: Readonly<Record<string, string>>): Promise<void> {
  const operations = Object.entries(labels).map(([key, value]) => ({
    op: 'add',
    path: `/metadata/labels/${key.replaceAll('/', '~1')}`,
    value
  }))
  ok(await world.clients.kube.jsonPatch(`/api/v1/namespaces/${world.namespace}`, operations))
}

function decided(body: JsonObject): unknown {
  return listAt(body, 'timeline').find(row => textAt(row, 'kind') === 'decision' && textAt(row, 'verdict') === 'act')
}

/** Config is a ConfigMap with a hash in its name; the deploy tool pruned v1's after v2 was out. */
export async function hashedConfigGone(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], workload: RECREATE })
  await world.deploy('app:v0')
  for (const name of ['config-1', 'config-2']) await configMap(world, name)
  await world.astern()
  // Only a template that Astern saw come can be gone back to with certainty; v0 is left out by its own missing part.
  await roll(world, 'app:v1', { container: fromConfig('config-1') })
  await roll(world, 'app:v2-err40', { container: fromConfig('config-2') })
  ok(await world.clients.kube.delete(`/api/v1/namespaces/${namespace}/configmaps/config-1`))

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v0', 'v1 needs what is gone, and the next older one was taken')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.match(JSON.stringify(at(decided(body), 'plan', 'candidates')), /it needs ConfigMap config-1, which is gone/)
  t.match(at(decided(body), 'plan', 'summary'), /its strategy is Recreate: all pods go before new ones come/)
}

/** The same without an older version. */
export async function nothingCanRun(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], workload: RECREATE })
  for (const name of ['config-1', 'config-2']) await configMap(world, name)
  await world.astern()
  await world.deploy('app:v0')
  await roll(world, 'app:v1', { container: fromConfig('config-1') })
  const [first] = (await untilWorkload(world.clients.cluster, world.target, found => found.revisions.length === 2, 'two')).revisions.slice(
    -1
  )
  ok(await world.clients.kube.delete(`/apis/apps/v1/namespaces/${namespace}/replicasets/${first?.name ?? ''}`))
  await roll(world, 'app:v2-err40', { container: fromConfig('config-2') })
  ok(await world.clients.kube.delete(`/api/v1/namespaces/${namespace}/configmaps/config-1`))

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'cannot-run'], { run })
  t.match(run['detail'], /it needs ConfigMap config-1, which is gone/)
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
  await stays(t, world, 'app:v2-err40')
}

/** `maxUnavailable: 0`, and a quota that was lowered to what runs. */
export async function noRoomToSurge(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace)],
    workload: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } }
  })
  await world.deploy('app:v1')
  await roll(world, 'app:v2-err40', {})
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'full' }, spec: { hard: { pods: '2' } } }
  ok(await world.clients.kube.post(`/api/v1/namespaces/${namespace}/resourcequotas`, quota))
  await waitUntil(async () => {
    const read = ok(await world.clients.kube.get(`/api/v1/namespaces/${namespace}/resourcequotas/full`))
    return textAt(read, 'status', 'used', 'pods') === '2'
  }, 'the quota is counted')
  await world.astern()

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'cannot-run'], { run })
  t.match(run['detail'], /quota full has no room for its first pod \(pods: 2 of 2 used\), and none goes before it/)
  await stays(t, world, 'app:v2-err40')
}

/** Revision 1 of the release has an object of a kind that the cluster no longer serves. */
export async function removedApi(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace)
  const { helm } = site
  const group = `${namespace}.example.com`
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  ok(
    await world.clients.kube.post(definitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        versions: [{ name: 'v1', served: true, storage: true, schema }]
      }
    })
  )
  await waitUntil(async () => (await world.clients.kube.get(`/apis/${group}/v1`)).kind === 'ok', 'the kind is served')
  const chart = writeChart(t)
  writeFileSync(
    join(chart, 'templates', 'thing.yaml'),
    `{{- if eq .Values.level "good" }}\napiVersion: ${group}/v1\nkind: Thing\nmetadata: { name: api }\n{{- end }}\n`
  )
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'level=other,image=app:v2-err40', '--wait')
  ok(await world.clients.kube.delete(`${definitions}/things.${group}`))

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'cannot-run'], { run })
  t.match(run['detail'], new RegExp(`revision 1: this API server does not serve Thing of ${group}/v1`))
  const history: unknown = JSON.parse(await helm('history', 'api', '-n', namespace, '-o', 'json'))
  t.same(
    listAt({ history }, 'history').map(entry => [at(entry, 'revision'), at(entry, 'status')]),
    [
      [1, 'superseded'],
      [2, 'deployed']
    ],
    'the release was left alone'
  )
}

/** A reloader sets a variable after the symptom began, because a certificate was renewed. */
export async function bumpedAfter(t: Test, site: Site, namespace: string, how: 'as-it-is' | 'ignored'): Promise<void> {
  const ignored = how === 'ignored' ? { ignoreEnv: ['STAKATER_*'] } : {}
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace, ignored)] })
  await world.deploy('app:v1')
  await roll(world, 'app:v2-err40', {})
  await fires(world)
  await bump(world)
  await world.astern()

  const run = await world.untilRun(ended, 'the run ends')

  if (how === 'ignored') {
    t.equal(run['outcome'], 'recovered', { run })
    const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
    t.equal(imageOf(back), 'app:v1', 'the variable made no version: v2 was undone')
    return
  }
  t.same([run['outcome'], run['reason']], ['denied', 'operator-change'], { run })
  t.match(run['detail'], /by reloader \(variable STAKATER_TLS of main\)/)
  t.match(run['detail'], /ignoreEnv: \[STAKATER_TLS\]/)
  t.equal(world.proxy.deploymentWrites().length, 0)
}

/** The reloader was there before the symptom: to undo only its variable would bring nothing back. */
export async function bumpedBefore(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.deploy('app:v1')
  await roll(world, 'app:v2', {})
  await bump(world)
  world.errors.set('app:v2', 0.4)
  await world.astern()

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'operator-change'], { run })
  t.match(run['detail'], /by reloader \(variable STAKATER_TLS of main\)/)
  t.equal(world.proxy.deploymentWrites().length, 0)
}

/** Somebody deploys a variable with the same image: what an undo changes is told, and is no "v2 in place of v2". */
export async function sameImages(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], mode: 'dry-run' })
  await world.deploy('app:v2')
  await roll(world, 'app:v2', { container: { env: [{ name: 'LEVEL', value: 'hunter2' }] } })
  world.errors.set('app:v2', 0.4)
  await world.astern()

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'dry-run', { run })
  t.match(run['detail'], /put revision 1 back in place of revision 2: both are app:v2, and they differ in variable LEVEL of main/)
  t.notMatch(JSON.stringify(await world.api('GET', `/api/v1/runs/${String(run['id'])}`)), /hunter2/, 'and no value')
}

async function bump(world: World): Promise<void> {
  ok(
    await world.clients.kube.jsonPatch(`${objectPath(world.target)}?fieldManager=reloader`, [
      { op: 'add', path: '/spec/template/spec/containers/0/env', value: [{ name: 'STAKATER_TLS', value: 'b'.repeat(40) }] }
    ])
  )
  await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => textAt(workload.template, 'spec', 'containers', 0, 'env', 0, 'name') === 'STAKATER_TLS' && workload.rollout.available,
    'the bump is rolled out'
  )
}

async function fires(world: World): Promise<void> {
  await waitUntil(async () => {
    const answer: unknown = await (await fetch(`${world.prometheus.url}/api/v1/alerts`)).json()
    return listAt(answer, 'data', 'alerts').some(alert => textAt(alert, 'state') === 'firing')
  }, 'the alert fires')
}

/** A tag that names another image than before: one pod was made anew, and runs the new one. */
export async function sameTagNewImage(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.astern()
  await world.deploy('app:v1')
  await roll(world, 'app:v2', {})
  const id = (letter: string): string => `registry.example/app@sha256:${letter.repeat(64)}`
  const pods = await podsOf(world)
  for (const name of pods) await runs(world, name, id('a'))
  // Kubernetes tells whole seconds, and the pod must be younger than the rollout.
  await new Promise(resolve => setTimeout(resolve, 2_000))
  ok(await world.clients.kube.delete(`/api/v1/namespaces/${namespace}/pods/${pods[0] ?? ''}`))
  await waitUntil(async () => (await podsOf(world)).filter(name => !pods.includes(name)).length === 1, 'another pod is there')
  for (const name of (await podsOf(world)).filter(name => !pods.includes(name))) await runs(world, name, id('b'))
  await new Promise(resolve => setTimeout(resolve, 6_000))
  world.errors.set('app:v2', 0.4)

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'image-moved'], { run })
  t.match(run['detail'], /1 of 2 pods run another image of the same name in main: app:v2 was .*aaa and is .*bbb/)
  t.equal(world.proxy.deploymentWrites().length, 0)
}

async function podsOf(world: World): Promise<readonly string[]> {
  const list = ok(await world.clients.kube.get(`/api/v1/namespaces/${world.namespace}/pods`))
  return listAt(list, 'items')
    .filter(pod => textAt(pod, 'status', 'podIP') !== undefined && textAt(pod, 'metadata', 'deletionTimestamp') === undefined)
    .map(pod => textAt(pod, 'metadata', 'name') ?? '')
}

async function runs(world: World, pod: string, imageID: string): Promise<void> {
  const path = `/api/v1/namespaces/${world.namespace}/pods/${pod}/status`
  ok(await world.clients.kube.jsonPatch(path, [{ op: 'replace', path: '/status/containerStatuses/0/imageID', value: imageID }]))
}
