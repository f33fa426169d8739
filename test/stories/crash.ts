import type { Test } from 'tap'
import { listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { FAULT_POINTS, type FaultPoint } from '../../src/domain/ports/faults.ts'
import { openAuditFile } from '../../src/ledger/sqlite/audit-file.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, waitUntil } from '../support/world/world.ts'

/** Every point of an alert’s way to a write. Those of a deploy guard: `guard-stories.ts`. */
export const WRITING_POINTS: readonly FaultPoint[] = FAULT_POINTS.filter(
  point => !['delivery-part-stored', 'message-sent', 'before-return', 'after-return'].includes(point) && !point.startsWith('guard-')
)

/** 14. `kill -9` at a named point: after the restart the run ends right, with at most one effective write. */
export async function killedAt(t: Test, site: Site, namespace: string, point: FaultPoint): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  const first = await world.asternProcess(point)
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  await waitUntil(
    () => first.exited(),
    () => `Astern dies at ${point}; it said ${first.output().slice(-2_000)}`
  )

  await world.asternProcess()
  const run = await world.untilRun(ended, `the run ends after a crash at ${point}`)

  t.equal(run['outcome'], 'recovered')
  const workload = await untilWorkload(
    world.clients.cluster,
    world.target,
    found => imageOf(found) === 'app:v1' && found.rollout.state === 'complete',
    'app:v1 is back'
  )
  // Revision 1 was made, then 2, then 1 was taken up again as 3: a second effective write would have made a 4.
  t.equal(workload.revisions[0]?.number, 3, 'one effective write')
  t.equal(world.proxy.deploymentWrites().length, 1, 'and one request for it')
  const entries = listAt(ok(await world.clients.kube.get(objectPath(world.target))), 'metadata', 'managedFields')
  t.notOk(
    entries.some(entry => textAt(entry, 'manager') === 'astern'),
    'whose fields are nobody’s'
  )
  const file = await openAuditFile(world.dataDir)
  t.equal((await file.verify()).fault, undefined)
  await file.close()
}

/** The same for the outbox: people hear of it, and hear of it once. */
export async function killedWhileTelling(t: Test, site: Site, namespace: string): Promise<void> {
  // There is nothing to go back to: the first version is the bad one.
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  const first = await world.asternProcess('message-sent')
  await world.deploy('app:v1-err40')
  await waitUntil(() => first.exited(), 'Astern dies while it tells people')

  await world.asternProcess()
  const run = await world.untilRun(ended, 'the run has ended')
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')

  t.same([run['outcome'], run['reason']], ['denied', 'no-good-revision'])
  t.equal(world.people.filter(message => message.event === 'needs-people').length, 1, 'the same message has the same key')
  t.equal(world.proxy.deploymentWrites().length, 0)
}
