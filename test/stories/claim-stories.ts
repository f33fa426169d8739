import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { SECOND } from '../../src/base/clock.ts'
import { listAt } from '../../src/base/json.ts'
import { imageOf, untilWorkload } from '../support/conformance/clients.ts'
import { untilHealthy, untilHealthySince, untilSick } from '../support/world/healthy.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World } from '../support/world/world.ts'

/** Posts an alert to the real Alertmanager, as anybody may who reaches it. It passes on the times that it is told. */
async function claim(world: World, startsAt: number, endsAt = Math.max(startsAt, Date.now()) + 600 * SECOND): Promise<void> {
  const { alertmanager, namespace } = world
  const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      {
        labels: { alertname: 'HighErrorRatio', namespace, deployment: 'api' },
        startsAt: new Date(startsAt).toISOString(),
        endsAt: new Date(endsAt).toISOString()
      }
    ])
  })
  if (!response.ok) throw new Error(`Alertmanager answered ${response.status}`)
}

async function untilRolledOut({ clients, target }: World, image: string): Promise<number> {
  await untilWorkload(
    clients.cluster,
    target,
    workload => imageOf(workload) === image && workload.rollout.state === 'complete' && workload.rollout.available,
    `${image} rolled out`
  )
  return Date.now()
}

/** A symptom that began long after the last change, and an alert that says it began right after it: the change is innocent. */
export async function forgedEarly(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace, { changedWithin: '10s' })], groups: [] })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2')
  const changedAt = await untilRolledOut(world, 'app:v2')
  await untilHealthySince(world, changedAt)

  world.errors.set('app:v2', 0.4)
  await claim(world, changedAt)
  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'no-recent-change'], String(run['detail']))
  t.equal(world.proxy.deploymentWrites().length, 0, 'nothing is undone')
}

/** Somebody deploys forward while the symptom is there, and an alert says that it begins only later: the fix is not undone. */
export async function forgedLate(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace, { escalate: { after: '40s', to: ['people'] } })],
    groups: []
  })
  await world.astern()
  await world.deploy('app:v1')
  await untilHealthy(world, 6)
  await world.image('app:v2-err40')
  await untilRolledOut(world, 'app:v2-err40')
  await untilSick(world)
  await world.image('app:v3-err20')
  await untilRolledOut(world, 'app:v3-err20')

  await claim(world, Date.now() + 3_600 * SECOND)
  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['timed-out', 'changed-since-symptom'], String(run['detail']))
  t.equal(world.proxy.deploymentWrites().length, 0, 'the fix, half as it is, stays')
}

/** Somebody tells the real Alertmanager that the alert is over while the errors go on: the run waits, and then does its work. */
export async function forgedResolve(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)], groups: [] })
  await world.astern()
  await world.deploy('app:v1')
  await untilHealthy(world)
  await world.image('app:v2-err40')
  await untilRolledOut(world, 'app:v2-err40')
  await untilSick(world)
  const put = (mode: string) => world.api('PUT', '/api/v1/switch', { mode, reason: 'the story' })
  await put('off')
  const startsAt = Date.now()
  await claim(world, startsAt)
  await world.untilRun(run => run['reason'] === 'switch-lowered', 'everything is decided, and the switch is lowered')

  await claim(world, startsAt, Date.now())
  const claimed = await world.untilRun(run => run['reason'] === 'resolve-unconfirmed', 'the run waits, because the query still fails')
  await put('auto')
  t.equal(claimed['state'], 'waiting')
  t.equal(world.proxy.deploymentWrites().length, 0, 'nothing is written while the alert is said to be over')
  await claim(world, Date.now())
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['id'], claimed['id'], 'it is the same run')
  t.equal(run['outcome'], 'recovered', String(run['detail']))
  t.equal(world.proxy.deploymentWrites().length, 1)
}

/** Alertmanager was restarted and sends no `resolved`: the next outage is a new episode once the queries say so, and not before. */
export async function lostResolve(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace, { changedWithin: '30s' })], groups: [] })
  const app = await world.astern()
  await world.deploy('app:v1')
  const changedAt = await untilRolledOut(world, 'app:v1')
  await untilHealthySince(world, changedAt, 32)
  world.errors.set('app:v1', 0.4)
  await untilSick(world)
  await postAsRestarted(world, app.address, Date.now())
  const first = await world.untilRun(ended, 'the first run ends')
  t.same([first['outcome'], first['reason']], ['denied', 'no-recent-change'], String(first['detail']))

  await postAsRestarted(world, app.address, Date.now())
  const asked = async () => listAt((await world.api('GET', '/api/v1/runs?kind=live')).body, 'items').length
  t.equal(await asked(), 1, 'a later start alone begins nothing')
  world.errors.delete('app:v1')
  await untilHealthy(world)
  t.equal(await asked(), 1, 'the failing went on since before the run ended')
  world.errors.set('app:v1', 0.4)
  await untilSick(world)
  await postAsRestarted(world, app.address, Date.now())
  const second = await world.untilRun(run => run['id'] !== first['id'] && ended(run), 'the second outage gets a run of its own')

  t.equal(second['reason'], 'no-recent-change', String(second['detail']))
  t.equal(world.proxy.deploymentWrites().length, 0)
}

/** Posts what an Alertmanager that has just been restarted would: firing, with a start of now. */
async function postAsRestarted({ flags, namespace }: World, address: string, startsAt: number): Promise<void> {
  const token = readFileSync(join(dirname(flags.tokens ?? ''), 'token'), 'utf8')
  const response = await fetch(`${address}/webhooks/alertmanager`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      version: '4',
      receiver: 'astern',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'HighErrorRatio', namespace, deployment: 'api' },
          annotations: {},
          startsAt: new Date(startsAt).toISOString(),
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: ''
        }
      ]
    })
  })
  if (response.status !== 202) throw new Error(`Astern answered ${response.status}`)
}
