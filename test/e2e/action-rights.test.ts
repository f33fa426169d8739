import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import type { ObjectRef } from '../../src/domain/objects.ts'
import { startArgoRollouts } from '../support/cluster/argo-rollouts.ts'
import { installGitopsKinds } from '../support/cluster/gitops.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { asked, install } from '../support/cluster/installed-chart.ts'
import { installScaledObjects } from '../support/cluster/keda.ts'
import { ok } from '../support/conformance/clients.ts'
import { ACTIONS_OFF, actionCases } from '../support/e2e/action-cases.ts'
import { startReceiver } from '../support/e2e/receiver.ts'
import { openSite } from '../support/e2e/site.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type World, waitUntil } from '../support/world/world.ts'

// For each action: a dry run, which the API server's own audit log proves write-free; then the write itself, with the token
// of the chart's service account, whose rights must be enough, and none too many.
t.jobs = 4
const { plane, admin, site } = await openSite(t)
const stage = { plane, admin }
await startArgoRollouts(t, admin, plane.kubeconfig)
await installGitopsKinds(admin)
await installScaledObjects(admin)

const helmProgram = HELMS.at(-1)
if (helmProgram === undefined) throw new Error('no helm')
const helm = await openHelm(t, helmProgram, plane.kubeconfig)
const receiver = await startReceiver(t)

for (const one of actionCases({ admin, helm, receiver }))
  void t.test(one.name, { buffered: true }, async t => {
    const namespace = `act-${one.name.toLowerCase().replaceAll(' ', '-')}`
    ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
    const { token, user, granted } = await install(t, stage, `astern-${namespace}`, [
      '--set',
      'mode=auto',
      '--set',
      `rbac.namespaces={${namespace}}`,
      ...one.values
    ])
    const world = await openWorld(t, site, namespace, {
      ...one.world,
      token,
      policies: [storyPolicy(namespace, { name: 'act', match: ['alertname="Never"'], ...one.policy })]
    })
    Object.assign(world.flags, { helm: await obtain(helmProgram), kubeconfig: withToken(world, token) })
    await world.astern()
    await one.bad(t, world)

    const dry = await dryRun(world, world.target)
    const before = (await plane.audit()).filter(event => event.user === user)
    t.ok(before.length > 0)
    t.same(
      before
        .filter(event => !['get', 'list', 'watch'].includes(event.verb) && !event.resource.startsWith('selfsubject'))
        .filter(event => !event.uri.includes('dryRun=All'))
        .map(event => `${event.verb} ${event.uri}`),
      [],
      'the dry run wrote nothing'
    )
    t.equal(one.calls?.() ?? 0, 0, 'nor was anybody called')
    t.match(dry['detail'], /^would /)
    await world.api('POST', '/api/v1/runs', { policy: 'act', target: world.target })
    await waitUntil(async () => {
      const { body } = await world.api('GET', '/api/v1/runs?kind=live')
      return listAt(body, 'items').some(run => textAt(run, 'state') === 'ended' || (run as { wrote?: boolean }).wrote === true)
    }, 'it is written')
    await one.better?.(world)
    const run = await world.untilRun(ended, 'the run ends')
    t.equal(run['outcome'], 'recovered', { run })
    t.equal(one.calls?.() ?? 0, one.called ?? 0)
    // What is borrowed goes back a moment after the run.
    await waitUntil(async () => {
      const { used } = await asked(stage, user)
      return [...granted].every(right => used.has(right) || one.notUsed?.test(right) === true)
    }, 'everything that is granted is used').catch(() => {})
    const { used, denied } = await asked(stage, user)
    t.same([...denied], [], 'nothing is missing')
    t.same(
      [...granted].filter(right => one.notUsed?.test(right) !== true).sort(),
      [...used].filter(right => one.notUsed?.test(right) !== true).sort(),
      'nothing is granted that was not used'
    )
  })

void t.test('an action that is off grants nothing', async t => {
  const { granted } = await install(t, stage, 'astern-all-off', [
    '--set',
    'mode=auto',
    '--set',
    'rbac.namespaces={default}',
    ...ACTIONS_OFF
  ])
  t.same(
    [...granted].filter(right => !/^(get|list|watch) /.test(right)),
    ['create events.events.k8s.io']
  )
})

/** What would be done, once everything that it waits for is there. */
async function dryRun(world: World, ref: ObjectRef): Promise<JsonObject> {
  let last: JsonObject = {}
  await waitUntil(
    async () => {
      const { body } = await world.api('POST', '/api/v1/dry-runs', { policy: 'act', target: ref })
      last = body
      return body['outcome'] === 'dry-run'
    },
    () => `a dry run: ${JSON.stringify(last)}`
  )
  return last
}

/** Straight to the API server, as the chart's service account: helm gives its token to nobody without TLS. */
function withToken(world: World, token: string): string {
  const parsed = JSON.parse(readFileSync(plane.kubeconfig, 'utf8')) as { readonly users: readonly { readonly name: string }[] }
  const file = join(world.dataDir, '..', 'direct-kubeconfig')
  writeFileSync(file, JSON.stringify({ ...parsed, users: parsed.users.map(({ name }) => ({ name, user: { token } })) }), { mode: 0o600 })
  return file
}
