import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { at, listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import type { Helm } from '../support/cluster/helm.ts'
import { imageOf, ok, overwrite, untilWorkload } from '../support/conformance/clients.ts'
import { ended, type World, waitUntil } from '../support/world/world.ts'
import { HELM_STEP, openReleaseWorld, type ReleaseSite, writeChart } from './release-stories.ts'

const CONFIRM = HELM_STEP.confirm
/** Helm gives up after this time. Long enough that a busy machine rolls out a good version in it where one is waited for. */
const SHORT = { ...HELM_STEP, with: { provenFor: '0s', timeout: '6s' } }

/** What people were told, and what the run says. */
async function toldOf(world: World): Promise<{ readonly run: Readonly<Record<string, unknown>>; readonly text: string }> {
  const run = await world.untilRun(ended, 'the run ends')
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
  return { run, text: String(world.people.find(message => message.event === 'needs-people')?.text) }
}

const repairIn = (text: string): string => /To repair it: (.*)/.exec(text)?.[1] ?? ''

/** Runs a command that people were told, as they would. */
async function repair(world: World, helm: Helm, command: string): Promise<void> {
  for (const one of command.split(' && ')) {
    const [program = '', ...args] = one.split(' ')
    if (program === 'helm') await helm(...args)
    else {
      const secret = /^kubectl --namespace (\S+) delete secret (\S+)$/.exec(one)
      if (secret === null) throw new Error(`nobody knows how to run ${one}`)
      ok(await world.clients.kube.delete(`/api/v1/namespaces/${secret[1]}/secrets/${secret[2]}`))
    }
  }
}

async function historyOf(helm: Helm, namespace: string): Promise<unknown> {
  const history: unknown = JSON.parse(await helm('history', 'api', '-n', namespace, '-o', 'json'))
  return listAt({ history }, 'history').map(entry => [at(entry, 'revision'), at(entry, 'status')])
}

/** A helm that, when it is about to roll back for real, waits until `meanwhile` is done. */
async function heldHelm(t: Test, site: ReleaseSite, meanwhile: () => Promise<void>): Promise<ReleaseSite> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-held-helm-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [began, go, program] = [join(folder, 'began'), join(folder, 'go'), join(folder, 'helm')]
  writeFileSync(
    program,
    `#!/bin/sh\ncase "$*" in *--dry-run*) ;; rollback*) touch '${began}'; while [ ! -e '${go}' ]; do sleep 0.1; done ;; esac\nexec '${site.program}' "$@"\n`,
    { mode: 0o755 }
  )
  void waitUntil(() => existsSync(began), 'helm begins', 150_000)
    .then(meanwhile)
    .finally(() => writeFileSync(go, ''))
    .catch(cause => t.error(cause))
  return { ...site, program }
}

/** A hook of a rollback that never completes. */
export async function hookNeverEnds(t: Test, site: ReleaseSite, namespace: string, event: 'pre-rollback' | 'post-rollback'): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace, { steps: [SHORT, { action: 'rollout-restart', confirm: CONFIRM }] })
  const { helm } = site
  const chart = writeChart(t)
  writeFileSync(
    join(chart, 'templates', 'hook.yaml'),
    `apiVersion: batch/v1
kind: Job
metadata: { name: migrate-back, annotations: { "helm.sh/hook": ${event} } }
spec:
  template:
    spec: { restartPolicy: OnFailure, containers: [{ name: main, image: job, env: [{ name: PASSWORD, value: {{ .Values.password | quote }} }] }] }
`
  )
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')

  const { run, text } = await toldOf(world)

  t.equal(run['outcome'], 'failed', { run })
  t.equal(run['step'], 0, 'no other rung is written over a release in such a state')
  t.match(text, new RegExp(`${event} hook Job/migrate-back did not succeed`))
  t.match(text, /exit code 1/)
  t.match(text, /revision 3 of the release is pending-rollback.*helm upgrade is refused/s)
  t.same(await historyOf(helm, namespace), [
    [1, 'superseded'],
    [2, 'deployed'],
    [3, 'pending-rollback']
  ])
  await t.rejects(helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v3'), /another operation/, 'CI is blocked')
  t.equal(repairIn(text), `helm rollback api 1 --namespace ${namespace} --no-hooks`)
  await repair(world, helm, repairIn(text))
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v1')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v3')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.notMatch(JSON.stringify([body, world.people]), /hunter2/, 'no value of the release is told')
  t.match(
    listAt(body, 'timeline').find(row => textAt(row, 'kind') === 'write'),
    { result: 'failed', detail: /to repair it: helm rollback api 1/ }
  )
}

/** The API stops to serve a kind of the old revision at the very moment of the rollback. */
export async function kindGoneMeanwhile(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const group = `${namespace}.example.com`
  const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const held = await heldHelm(t, site, async () => {
    ok(await world.clients.kube.delete(`${crd}/widgets.${group}`))
    await waitUntil(async () => (await world.clients.kube.get(`/apis/${group}/v1`)).kind === 'error', 'the kind is gone')
  })
  const world = await openReleaseWorld(t, held, namespace, { steps: [SHORT] })
  const { helm } = site
  ok(
    await world.clients.kube.post(crd, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `widgets.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
          }
        ]
      }
    })
  )
  await waitUntil(async () => (await world.clients.kube.get(`/apis/${group}/v1`)).kind === 'ok', 'the kind is served')
  const chart = writeChart(t)
  writeFileSync(
    join(chart, 'templates', 'widget.yaml'),
    `{{- if eq .Values.level "good" }}\napiVersion: ${group}/v1\nkind: Widget\nmetadata: { name: gear }\n{{- end }}\n`
  )
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40,level=none', '--wait')

  const { run, text } = await toldOf(world)

  t.equal(run['outcome'], 'failed', { run })
  t.match(text, new RegExp(`no matches for kind "Widget" in version "${group}/v1"`), 'which kind, and which version')
  t.match(text, /revision 3 of the release is pending-rollback/)
  t.equal(repairIn(text), `kubectl --namespace ${namespace} delete secret sh.helm.release.v1.api.v3`)
  await repair(world, helm, repairIn(text))
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v3,level=none', '--wait')
  t.same(await historyOf(helm, namespace), [
    [1, 'superseded'],
    [2, 'superseded'],
    [3, 'deployed']
  ])
}

/** The old revision is written and never gets ready. */
export async function neverReady(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const held = await heldHelm(t, site, async () => {
    ok(
      await world.clients.kube.post(`/api/v1/namespaces/${namespace}/resourcequotas`, {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'full' },
        spec: { hard: { pods: '2' } }
      })
    )
    await waitUntil(
      async () =>
        textAt(ok(await world.clients.kube.get(`/api/v1/namespaces/${namespace}/resourcequotas/full`)), 'status', 'used', 'pods') === '2',
      'the quota counts'
    )
  })
  const world = await openReleaseWorld(t, held, namespace, { steps: [SHORT] })
  const { helm } = site
  const chart = writeChart(t)
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')

  const { run, text } = await toldOf(world)

  t.equal(run['outcome'], 'failed', { run })
  t.match(text, /revision 3 of the release is failed; its objects were written, and are not ready/)
  t.equal(repairIn(text), `helm rollback api 1 --namespace ${namespace}`)
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v3')
}

/** An object that the rollback must change cannot be changed any more. */
export async function cannotBeWritten(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const held = await heldHelm(t, site, async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps/api`
    ok(await world.clients.kube.jsonPatch(path, [{ op: 'add', path: '/immutable', value: true }]))
  })
  const world = await openReleaseWorld(t, held, namespace, { steps: [SHORT] })
  const { helm } = site
  const chart = writeChart(t)
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40,level=hunter2', '--wait')

  const { run, text } = await toldOf(world)

  t.equal(run['outcome'], 'failed', { run })
  t.match(text, /ConfigMap "?api"? is invalid.*immutable/s, 'what helm said is told')
  t.match(text, /revision 3 of the release is failed/)
  t.notMatch(text, /hunter2/)
}

/** Somebody scaled a workload of a release that helm applies on the server's side: helm then conflicts with them. */
export async function conflictOfManagers(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  const world = await openReleaseWorld(t, site, namespace, { steps: [SHORT] })
  const { helm } = site
  const chart = writeChart(t)
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2', '--wait')
  await overwrite(world.clients.kube, `${objectPath(world.target)}/scale`, scale => ({ ...scale, spec: { replicas: 3 } }), 'kubectl')
  world.errors.set('app:v2', 0.4)

  const { run, text } = await toldOf(world)

  t.equal(run['outcome'], 'failed', { run })
  t.match(text, /conflict with "kubectl".*\.spec\.replicas/s, 'whose field it is')
  t.match(text, /revision 3 of the release is failed/)
  t.equal(repairIn(text), `helm rollback api 1 --namespace ${namespace} --force-conflicts`)
  await repair(world, helm, repairIn(text))
  t.match(await historyOf(helm, namespace), [[1], [2], [3, 'failed'], [4, 'deployed']])
}
