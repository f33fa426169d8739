import type { Test } from 'tap'
import { at, listAt, textAt } from '../../src/base/json.ts'
import { openAuditFile } from '../../src/ledger/sqlite/audit-file.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { untilHealthy } from '../support/world/healthy.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, waitUntil } from '../support/world/world.ts'

/** 1. A bad rollout raises 5xx; Alertmanager fires; PromQL confirms; undo; recovery confirmed; one audit trail. */
export async function story1(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.astern()
  await world.deploy('app:v1')

  await world.image('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered')
  const query = `http_requests_total{namespace="${namespace}", status=~"5.."}`
  const failures: unknown = await (await fetch(`${world.prometheus.url}/api/v1/query?${new URLSearchParams({ query })}`)).json()
  t.same(listAt(failures, 'data', 'result'), [], 'though the version that answers well has no series of failures')
  t.equal(world.proxy.deploymentWrites().length, 1, 'exactly one write')
  t.match(world.proxy.deploymentWrites()[0]?.uri, /fieldManager=astern/)
  const workload = await untilWorkload(world.clients.cluster, world.target, found => imageOf(found) === 'app:v1', 'app:v1 is back')
  t.equal(workload.revisions[0]?.number, 3)
  const told = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  const kinds = listAt(told.body, 'timeline').map(row => textAt(row, 'kind'))
  for (const kind of ['incident-opened', 'run-started', 'decision', 'intent', 'write', 'rollout', 'confirmation', 'concluded'])
    t.ok(kinds.includes(kind), `the timeline tells ${kind}`)
  t.match(
    textAt(
      listAt(told.body, 'timeline').find(row => textAt(row, 'kind') === 'intent'),
      'reverse'
    ),
    /kubectl .* rollout undo .* --to-revision=2/
  )
  const file = await openAuditFile(world.dataDir)
  t.equal((await file.verify()).fault, undefined, 'the chain verifies while Astern runs')
  await file.close()
  await waitUntil(
    async () =>
      listAt(ok(await world.clients.kube.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`)), 'items').some(
        event => textAt(event, 'reason') === 'AsternRecovered'
      ),
    'an Event on the target'
  )
  t.ok(
    world.people.every(message => message.event === 'over' || message.event === 'acted'),
    'nobody is called for good news'
  )
}

/** 8. Nothing gets better: next rung, then people; the undone version is never chosen again. */
export async function story8(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    policies: [
      storyPolicy(namespace, {
        steps: [
          // A busy machine scrapes late, and a rung that sees too few samples ends as unknown.
          { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '24s', passes: 2, every: '1s' } },
          { action: 'rollout-restart', confirm: { within: '24s', passes: 2, every: '1s' } }
        ]
      })
    ]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  world.errors.set('app:v1', 0.5)

  const run = await world.untilRun(ended, 'the ladder is used up')

  t.equal(run['outcome'], 'ineffective', { run })
  t.equal(run['step'], 1)
  t.equal(world.proxy.deploymentWrites().length, 2, 'one write a rung')
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
  t.match(world.people.find(message => message.event === 'needs-people')?.text, /kubectl/, 'with the command that undoes it')

  // The good version heals before the bad one comes: what failed before it would not be v3's.
  world.errors.delete('app:v1')
  await untilHealthy(world)
  await world.image('app:v3-err40')
  await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => imageOf(workload) === 'app:v3-err40' && workload.rollout.state === 'complete',
    'app:v3'
  )
  let candidates: readonly unknown[] = []
  await waitUntil(async () => {
    const { body } = await world.api('POST', '/api/v1/dry-runs', { policy: 'undo', target: world.target })
    candidates = listAt(body, 'facts', 'plan', 'candidates')
    return candidates.length > 0
  }, 'a dry run plans anew')
  t.equal(
    textAt(
      candidates.find(candidate => textAt(candidate, 'images') === 'app:v2-err40'),
      'refusedBecause'
    ),
    'it is remembered as bad'
  )
  t.equal(world.proxy.deploymentWrites().length, 2, 'and nothing more was written')
}

/** 9. Someone deploys forward between decision and write: the precondition fails, hands off for this incident. */
export async function story9(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace, { escalate: { after: '30s', to: ['people'] } })] })
  await world.astern()
  await world.deploy('app:v1')
  world.proxy.beforeNextWrite(() => world.image('app:v3-err40'))

  await world.image('app:v2-err40')
  const waiting = await world.untilRun(run => run['reason'] === 'changed-since-symptom', 'the run keeps its hands off')
  const run = await world.untilRun(ended, 'the time is up')

  t.equal(waiting['wrote'], false)
  t.equal(run['outcome'], 'timed-out', { run })
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  const held = listAt(body, 'timeline').flatMap(row => textAt(row, 'refusal', 'reason') ?? textAt(row, 'reason') ?? [])
  t.ok(held.includes('changed-since-symptom'), `its timeline says why: ${held.join(', ')}`)
  // A machine that scrapes late may have nothing to show at the very last look.
  t.match(run['reason'], /^(changed-since-symptom|inconclusive)$/, { run })
  const workload = await untilWorkload(world.clients.cluster, world.target, () => true, 'a read')
  t.equal(imageOf(workload), 'app:v3-err40', 'the forward version stays, bad as it is')
  t.equal(world.proxy.deploymentWrites().length, 1, 'the one attempt failed its precondition')
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
}

/** 10. Prometheus is down, or returns nothing, or NaN: no action; people are told when the time is up. */
export async function story10(t: Test, site: Site, namespace: string): Promise<void> {
  const query = (promql: string) => [{ promql, failWhen: '> 0', window: '5s', samples: 1 }]
  const policy = (name: string, promql: string) =>
    storyPolicy(namespace, {
      name,
      match: [`alertname="${name}"`],
      verify: query(promql),
      changedWithin: '10m',
      escalate: { after: '8s', to: ['people'] }
    })
  const rule = (alert: string) => ({
    alert,
    expr: `sum by (namespace, deployment) (rate(http_requests_total{namespace="${namespace}", status=~"5.."}[5s])) > 1`
  })
  const world = await openWorld(t, site, namespace, {
    policies: [
      policy('nothing', 'sum(rate(no_such_metric_total[5s]))'),
      policy('nan', 'sum(rate(http_requests_total{status="never"}[5s])) / 0 * 0 or vector(0) / 0'),
      policy('down', 'sum(rate(http_requests_total[5s]))')
    ],
    groups: [{ name: 'stories', interval: '1s', rules: [rule('nothing'), rule('nan')] }]
  })
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => imageOf(workload) === 'app:v2-err40' && workload.rollout.state === 'complete',
    'app:v2'
  )
  await world.astern()

  const nothing = await world.untilRun(run => ended(run) && run['policy'] === 'nothing', 'the run without data ends')
  const nan = await world.untilRun(run => ended(run) && run['policy'] === 'nan', 'the run with NaN ends')
  await world.prometheus.stop()
  await fetch(`${world.alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      {
        labels: { alertname: 'down', namespace, deployment: 'api' },
        startsAt: new Date().toISOString(),
        endsAt: new Date(Date.now() + 600_000).toISOString()
      }
    ])
  })
  const down = await world.untilRun(run => ended(run) && run['policy'] === 'down', 'the run without a source ends')

  t.same([nothing['outcome'], nothing['reason']], ['timed-out', 'inconclusive'])
  t.match(nothing['detail'], /no series/)
  t.same([nan['outcome'], nan['reason']], ['timed-out', 'inconclusive'])
  t.match(nan['detail'], /NaN/)
  t.same([down['outcome'], down['reason']], ['timed-out', 'source-unreachable'])
  t.equal(world.proxy.deploymentWrites().length, 0)
  await waitUntil(
    () => world.people.some(({ text, updates }) => [text, ...updates.map(update => update.text)].some(one => /3 alerts/.test(one))),
    // An update goes out half a minute after the message that it changes.
    () => `people are told of all three, which are about one target; told: ${JSON.stringify(world.people)}`
  )
  t.equal(new Set(world.people.map(message => message.key)).size, 1, 'in one message, which is updated')
}

/** 16. A dry run by API: the same decision as in story 1, and no write but with dryRun=All. */
export async function story16(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], mode: 'dry-run' })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')

  const live = await world.untilRun(ended, 'the run of the alert ends as a dry run')
  const byTarget = await world.api('POST', '/api/v1/dry-runs', { policy: 'undo', target: world.target })
  const byAlert = await world.api('POST', '/api/v1/dry-runs', {
    alert: { labels: { alertname: 'HighErrorRatio', namespace, deployment: 'api', severity: 'critical' } }
  })

  t.same([live['outcome'], live['reason']], ['dry-run', 'mode-dry-run'])
  for (const { status, body } of [byTarget, byAlert]) {
    t.equal(status, 200)
    t.same([body['outcome'], body['reason']], ['dry-run', 'mode-dry-run'])
    t.match(body['detail'], /put revision 1 \(app:v1\) back/)
    t.equal(at(body, 'facts', 'serverDryRun'), 'accepted')
    t.same(
      listAt(body, 'stages').map(stage => textAt(stage, 'stage')),
      ['resolve', 'target', 'symptom', 'correlate', 'verify', 'guards', 'plan']
    )
  }
  t.equal(live['detail'], byTarget.body['detail'], 'the same decision')
  t.equal(world.proxy.deploymentWrites().length, 0)
  t.ok(
    world.proxy.writes.every(write => write.dryRun),
    'nothing was asked of the server but dry runs'
  )
  t.same(world.people, [], 'in dry-run nothing is sent')
}

/** Two clustered Alertmanagers that both deliver: one incident, one run, one write. */
export async function twoAlertmanagers(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], peers: true })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered')
  t.equal(world.alertmanagers.length, 2)
  for (const { url } of world.alertmanagers) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    t.match(metrics, /^alertmanager_cluster_members 2$/m, 'they are a cluster')
    t.match(metrics, /^alertmanager_notifications_total\{integration="webhook"[^}]*\} [1-9]/m, 'and each delivered')
  }
  t.equal(listAt((await world.api('GET', '/api/v1/runs?kind=live')).body, 'items').length, 1)
  t.equal(world.proxy.deploymentWrites().length, 1)
}
