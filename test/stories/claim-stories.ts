import type { Test } from 'tap'
import { SECOND } from '../../src/base/clock.ts'
import { imageOf, untilWorkload } from '../support/conformance/clients.ts'
import { untilHealthy, untilHealthySince, untilSick } from '../support/world/healthy.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World } from '../support/world/world.ts'

/** Posts an alert to the real Alertmanager, as anybody may who reaches it. It passes on the times that it is told. */
async function claim({ alertmanager, namespace }: World, startsAt: number): Promise<void> {
  const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      {
        labels: { alertname: 'HighErrorRatio', namespace, deployment: 'api' },
        startsAt: new Date(startsAt).toISOString(),
        endsAt: new Date(Math.max(startsAt, Date.now()) + 600 * SECOND).toISOString()
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
