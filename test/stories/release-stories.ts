import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { at, listAt, textAt } from '../../src/base/json.ts'
import type { Helm } from '../support/cluster/helm.ts'
import { BROKEN } from '../support/cluster/stages.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World, waitUntil } from '../support/world/world.ts'

/** A site, the real helm, and the program that Astern runs. */
export interface ReleaseSite extends Site {
  readonly helm: Helm
  readonly program: string
}

/** A chart of one Deployment and one ConfigMap. */
export function writeChart(t: Test, name = 'api'): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-story-chart-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'templates'))
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: api\nversion: 1.0.0\nappVersion: "1"\n')
  writeFileSync(join(folder, 'values.yaml'), 'image: app:v1\nlevel: good\nbroken: false\npassword: hunter2\npod: {}\n')
  writeFileSync(
    join(folder, 'templates', 'all.yaml'),
    `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name} }
data: { level: {{ .Values.level | quote }} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata:
      labels: { app: ${name} }
    spec: {{ merge (dict "containers" (list (dict "name" "main" "image" .Values.image))) .Values.pod | toJson }}
{{- if .Values.broken }}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: extra }
spec:
  selector: { matchLabels: { app: extra } }
  template:
    metadata: { labels: { app: extra }, annotations: { "${BROKEN}": CrashLoopBackOff } }
    spec: { containers: [{ name: main, image: extra }] }
{{- end }}
`
  )
  return folder
}

export const HELM_STEP = {
  action: 'helm-rollback',
  with: { provenFor: '0s', timeout: '30s' },
  confirm: { within: '80s', passes: 2, every: '1s' }
}

export async function openReleaseWorld(t: Test, site: ReleaseSite, namespace: string, more: object = {}): Promise<World> {
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace, { name: 'release', steps: [HELM_STEP], ...more })]
  })
  // Straight to the API server: helm gives its token to nobody without TLS.
  Object.assign(world.flags, { helm: site.program, kubeconfig: site.kubeconfig })
  return world
}

const config = async (world: World): Promise<string | undefined> => {
  const answer = await world.clients.kube.get(`/api/v1/namespaces/${world.namespace}/configmaps/api`)
  return answer.kind === 'ok' ? textAt(answer.object, 'data', 'level') : undefined
}

/** 2. A Helm release with a failed revision in between: the right one is chosen. */
export async function story2(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace)
  const chart = writeChart(t)
  const { helm } = site
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  const failed = helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2,broken=true', '--wait', '--timeout', '3s')
  await t.rejects(failed, 'revision 2 fails')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v3-err40', '--wait')

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const history: unknown = JSON.parse(await helm('history', 'api', '-n', namespace, '-o', 'json'))
  const revisions = Array.isArray(history) ? history : []
  t.same(
    revisions.map(entry => [at(entry, 'revision'), at(entry, 'status'), at(entry, 'description')]),
    [
      [1, 'superseded', 'Install complete'],
      [2, 'failed', revisions[1] === undefined ? '' : at(revisions[1], 'description')],
      [3, 'superseded', 'Upgrade complete'],
      [4, 'deployed', 'Rollback to 1']
    ],
    'not to revision 2, which is what Helm itself would have taken'
  )
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v1')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  const timeline = JSON.stringify(body)
  t.notMatch(timeline, /hunter2/, 'no value of the release is told')
  t.match(timeline, /helm rollback api 3 --namespace/, 'how to undo it is')
  t.match(
    at(
      listAt(body, 'timeline').find(row => textAt(row, 'kind') === 'decision' && textAt(row, 'verdict') === 'act'),
      'releaseChange'
    ),
    { kind: 'known', by: 'release' }
  )
}

/** 5. A bad ConfigMap, the template unchanged: undo would not help; the release that owns it is rolled back. */
export async function story5(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace, {
    // Undo is tried first, as people would; it must see that it cannot help.
    steps: [{ action: 'rollout-undo', when: { queries: [{ promql: 'vector(0)', holdsWhen: '> 0' }] } }, HELM_STEP]
  })
  const chart = writeChart(t)
  const { helm } = site
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  const before = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it runs')

  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'level=bad', '--wait')
  world.errors.set('app:v1', 0.4)
  await waitUntil(async () => (await config(world)) === 'good', 'the configuration is back')
  world.errors.delete('app:v1')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const after = await untilWorkload(world.clients.cluster, world.target, () => true, 'a read')
  t.equal(after.identity, before.identity, 'the template never changed')
  t.equal(after.generation, before.generation, 'nor was anything else of it written')
}

/** 5, without a release: undo would not help, and people are told so. */
export async function badConfigNobodyOwns(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace, { changedWithin: '1s' })] })
  await world.deploy('app:v1')
  await world.astern()
  ok(
    await world.clients.kube.post(`/api/v1/namespaces/${namespace}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'api' },
      data: { level: 'bad' }
    })
  )
  world.errors.set('app:v1', 0.4)

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'no-recent-change'])
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
  t.equal(world.proxy.deploymentWrites().length, 0)
}

/** A Helm-owned Deployment is not undone behind Helm's back. */
export async function helmOwned(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace, { steps: [{ action: 'rollout-undo', with: { provenFor: '0s' } }] })
  const chart = writeChart(t)
  await world.astern()
  await site.helm('install', 'api', chart, '-n', namespace, '--wait')
  await site.helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'helm-owned'])
  const workload = await untilWorkload(world.clients.cluster, world.target, () => true, 'a read')
  t.equal(imageOf(workload), 'app:v2-err40', 'nothing was written')
}

/** Somebody copied a chart's Deployment with all its metadata. The copy is sick; the release is healthy and stays as it is. */
export async function copiedFromRelease(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace, {
    // A policy that may roll back, so that contents of releases are read; the copy itself is undone.
    steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: HELM_STEP.confirm }, HELM_STEP]
  })
  const { helm } = site
  await world.astern()
  const chart = writeChart(t, 'original')
  await helm('install', 'original', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'original', chart, '-n', namespace, '--set', 'level=better', '--wait')
  await copyDeployment(world, { name: 'original', namespace })
  await world.image('app:v2-err40')

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v1', 'the copy was undone')
  t.same(await revisionsOf(helm, 'original', namespace), [1, 2], 'the release was left alone')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.match(JSON.stringify(body), /its manifest does not list the target/)
}

/** A copy whose only step is a rollback of the release that its annotations name, and a release in a namespace off the list. */
export async function annotatedOnly(
  t: Test,
  site: ReleaseSite,
  namespace: string,
  {
    of,
    reason,
    release = 'original'
  }: { readonly of: 'here' | 'elsewhere' | 'kube-system'; readonly reason: string; readonly release?: string }
): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace)
  const { helm } = site
  const home = { here: namespace, elsewhere: `${namespace}-off`, 'kube-system': 'kube-system' }[of]
  if (of === 'elsewhere')
    ok(await world.clients.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: home } }))
  await world.astern()
  const chart = writeChart(t, release)
  await helm('install', release, chart, '-n', home, '--wait')
  await copyDeployment(world, { name: release, namespace: home })
  await helm('upgrade', release, chart, '-n', home, '--set', 'level=better', '--wait')
  await world.image('app:v2-err40')

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', reason], { run })
  t.same(await revisionsOf(helm, release, home), [1, 2], 'the release was left alone')
}

/** A merge key of YAML brings the namespace of one object. Helm follows it, so the release reaches a namespace off the list. */
export async function namespaceByMergeKey(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace)
  const { helm } = site
  const off = `${namespace}-off`
  ok(await world.clients.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: off } }))
  await world.astern()
  const chart = writeChart(t)
  writeFileSync(
    join(chart, 'templates', 'merged.yaml'),
    `apiVersion: v1
kind: ConfigMap
data: &elsewhere { namespace: ${off} }
metadata: { <<: *elsewhere, name: merged }
`
  )
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  ok(await world.clients.kube.get(`/api/v1/namespaces/${off}/configmaps/merged`))
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'namespace-not-allowed'], { run })
  t.match(run['detail'], new RegExp(`${off}/merged`))
  t.same(await revisionsOf(helm, 'api', namespace), [1, 2], 'the release was left alone')
}

/** A copy of the chart's Deployment under the target's name, as `kubectl get -o yaml | kubectl apply` makes it. */
async function copyDeployment(world: World, release: { readonly name: string; readonly namespace: string }): Promise<void> {
  ok(
    await world.clients.kube.post(`/apis/apps/v1/namespaces/${world.namespace}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'api',
        labels: { 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: { 'meta.helm.sh/release-name': release.name, 'meta.helm.sh/release-namespace': release.namespace }
      },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'api' } },
        template: { metadata: { labels: { app: 'api' } }, spec: { containers: [{ name: 'main', image: 'app:v1' }] } }
      }
    })
  )
  await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'the copy runs')
}

async function revisionsOf(helm: Helm, release: string, namespace: string): Promise<unknown> {
  const history: unknown = JSON.parse(await helm('history', release, '-n', namespace, '-o', 'json'))
  return listAt({ history }, 'history').map(entry => at(entry, 'revision'))
}

/** 14, in the middle of a helm: `kill -9` of Astern while helm works. helm goes on by itself, and the run sees what it made. */
export async function killedWhileHelmWorks(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-slow-helm-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [began, slow] = [join(folder, 'began'), join(folder, 'helm')]
  // The real helm, but that a rollback takes its time.
  writeFileSync(
    slow,
    `#!/bin/sh\ncase "$*" in *--dry-run*) ;; rollback*) echo once >>'${began}'; sleep 6 ;; esac\nexec '${site.program}' "$@"\n`,
    { mode: 0o755 }
  )
  const world = await openReleaseWorld(t, { ...site, program: slow }, namespace)
  const chart = writeChart(t)
  const { helm } = site
  const first = await world.asternProcess()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')
  await waitUntil(() => existsSync(began), 'helm begins')
  first.kill('SIGKILL')

  await world.asternProcess()
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const history: unknown = JSON.parse(await helm('history', 'api', '-n', namespace, '-o', 'json'))
  t.same(
    listAt({ history }, 'history').map(entry => [at(entry, 'revision'), at(entry, 'description')]),
    [
      [1, 'Install complete'],
      [2, 'Upgrade complete'],
      [3, 'Rollback to 1']
    ],
    'one revision was made'
  )
  t.equal(readFileSync(began, 'utf8'), 'once\n', 'and helm was asked for it once')
}
