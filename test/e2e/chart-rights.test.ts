import t, { type Test } from 'tap'
import { at, listAt, textAt } from '../../src/base/json.ts'
import { readConfig } from '../../src/config.ts'
import { examine } from '../../src/doctor/doctor.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { asked, install } from '../support/cluster/installed-chart.ts'
import { ok } from '../support/conformance/clients.ts'
import { makeNeeds, POD_NEEDS } from '../support/e2e/pod-needs.ts'
import { openSite } from '../support/e2e/site.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type World, waitUntil } from '../support/world/world.ts'

// Astern runs with the token of the chart's own service account, and the API server's audit log is the judge: what was
// refused is missing in the chart, and what it grants without need is too much.
t.jobs = 3
const { plane, admin, site } = await openSite(t)
const stage = { plane, admin }

async function diagnose(world: World): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for await (const finding of examine(readConfig(world.flags, {}), { sendTest: false })) findings.push(finding)
  return findings
}

async function undoes(t: Test, world: World): Promise<void> {
  await makeNeeds(admin, world.namespace)
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')
  t.equal(run['outcome'], 'recovered')
  await waitUntil(
    async () =>
      listAt(ok(await admin.kube.get(`/apis/events.k8s.io/v1/namespaces/${world.namespace}/events`)), 'items').some(
        event => textAt(event, 'reason') === 'AsternRecovered'
      ),
    'an Event on the target'
  )
}

void t.test('namespaced, auto: a bad rollout is undone with exactly the rights of the chart', { buffered: true }, async t => {
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }))
  const { token, user, granted } = await install(t, stage, 'astern-namespaced', ['--set', 'mode=auto', '--set', 'rbac.namespaces={shop}'])
  const world = await openWorld(t, site, 'shop', { policies: [storyPolicy('shop')], token, workload: { podSpec: POD_NEEDS } })
  await undoes(t, world)

  const { used, denied } = await asked(stage, user)
  t.same([...denied], [], 'nothing is missing')
  t.same([...granted].sort(), [...used].sort(), 'nothing is granted that was not used')
  t.same(
    (await diagnose(world)).filter(finding => finding.state !== 'ok'),
    [],
    'doctor agrees'
  )
  const elsewhere = (await plane.audit()).filter(event => event.user === user && event.namespace !== 'shop' && event.resource !== '')
  t.same(
    [...new Set(elsewhere.map(event => event.resource))].filter(resource => !resource.startsWith('selfsubject')),
    []
  )
})

void t.test('cluster mode, auto: the same for a glob of namespaces', { buffered: true }, async t => {
  const { token, user, granted } = await install(t, stage, 'astern-cluster', ['--set', 'mode=auto', '--set', 'rbac.scope=cluster'])
  const policies = [storyPolicy('team-a', { guards: { namespaces: ['team-*'], cooldown: '1s' } })]
  const world = await openWorld(t, site, 'team-a', { policies, token, workload: { podSpec: POD_NEEDS } })
  await undoes(t, world)

  const { used, denied } = await asked(stage, user)
  t.same([...denied], [])
  t.same([...granted].sort(), [...used].sort())
  t.same(
    (await diagnose(world)).filter(finding => finding.state !== 'ok'),
    []
  )
})

void t.test('read-only: dry-run decides the same without any right to write', { buffered: true }, async t => {
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'read-only' } }))
  const { token, user, granted } = await install(t, stage, 'astern-read-only', ['--set', 'rbac.namespaces={read-only}'])
  t.notOk(
    [...granted].some(right => /^(patch|update|create|delete)/.test(right)),
    'the chart grants no verb that writes'
  )
  const world = await openWorld(t, site, 'read-only', {
    policies: [storyPolicy('read-only')],
    mode: 'dry-run',
    token,
    workload: { podSpec: POD_NEEDS }
  })
  await makeNeeds(admin, world.namespace)
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')
  t.equal(run['outcome'], 'dry-run')
  t.match(run['detail'], /would put revision 1 \(app:v1\) back/)
  const { body } = await world.api('POST', '/api/v1/dry-runs', { policy: 'undo', target: world.target })
  t.match(JSON.stringify(body), /not permitted/, 'the server-side dry run is told as not permitted')
  t.match(
    at(body, 'facts', 'notLookedAt'),
    ['whether the API server takes it (no right to patch)'],
    'and that it was not looked at whether the old version would be taken'
  )

  const { used, denied } = await asked(stage, user)
  t.same([...denied], ['patch deployments.apps'], 'only the server-side dry run was refused')
  t.ok(
    (await plane.audit()).filter(event => event.user === user && event.verb === 'patch').every(event => event.uri.includes('dryRun=All')),
    'and it was never more than that'
  )
  t.same([...granted].sort(), [...used].sort())
  const findings = await diagnose(world)
  t.same(
    findings.filter(finding => finding.state !== 'ok').map(({ check, state }) => `${check}: ${state}`),
    ['rights in read-only: warning'],
    'doctor says what is missing for auto, and that nothing is missing for this'
  )
  t.equal(at(await world.api('GET', '/api/v1/status'), 'body', 'mode'), 'dry-run')
})
