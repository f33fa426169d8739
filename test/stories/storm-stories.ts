import type { Test } from 'tap'
import { isObject, type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import type { ObjectRef } from '../../src/domain/objects.ts'
import { imageOf, setImage, untilWorkload } from '../support/conformance/clients.ts'
import { type Site, type World, waitUntil } from '../support/world/world.ts'
import { firing, openScene } from './conversation-scene.ts'

/** How many workloads alert at once. */
const MANY = 20
const TITLE = 'many targets alert at once'

/** Story 7: many workloads alert at once. One conversation in each channel, no write, and the end when it is calm. */
export async function storm(t: Test, site: Site, namespace: string): Promise<void> {
  const scene = await openScene(t, site, namespace, {
    policies: policyOf => [policyOf('many-.*', {})],
    // A budget that is used up is told for each target, and this is not about that. The storm lasts long enough to be seen on a busy machine.
    defaults: { guards: { budgets: [{ limit: 50, per: '1h', scope: 'global' }], storm: { targets: 8, within: '1m', calm: '25s' } } },
    // As Alertmanager's own example does: by the kind of trouble, and with time for all of it to be seen.
    group: { by: ['alertname'], wait: '6s' }
  })
  const { world, places } = scene
  const { pagerduty, slack, teams, tool } = places
  const targets = Array.from({ length: MANY }, (_, index): ObjectRef => ({ kind: 'Deployment', namespace, name: `many-${index}` }))
  await world.astern()
  for (const { name } of targets) await scene.deploy(name, 1)
  await all(world, targets, 'many:v1')
  // A bad base image reaches all of them: each alone would be undone.
  for (const target of targets) await setImage(world.clients.kube, target, 'many:v2')
  await all(world, targets, 'many:v2')
  world.errors.set('many:v2', 0.4)

  await waitUntil(() => pagerduty.notified.length > 0, 'a storm is told')
  // The alert itself lasts only until the storm is calm, which a busy machine may be too slow to see.
  await waitUntil(async () => {
    const rows = await auditRows(world)
    return rows.some(
      row => row['channel'] === 'alertmanager' && textAt(row, 'kind') === 'delivered' && textAt(row, 'key')?.startsWith('storm/') === true
    )
  }, 'the Alertmanager took it')
  // It is over when it is calm, though the alerts go on.
  await waitUntil(
    () => slack.shows(TITLE) === 'over' && places.mailbox().shows(TITLE) === 'over' && teams.shows(TITLE) === 'over',
    () => `the storm is over; Slack shows ${slack.shows(TITLE)}, mail ${places.mailbox().shows(TITLE)}, Teams ${teams.shows(TITLE)}`
  )
  await waitUntil(async () => (await firing(world, 'storm/')).length === 0, 'the alert ends')
  const [page = '', ...more] = pagerduty.notified
  await waitUntil(() => pagerduty.shows(page) === 'nothing', 'the page is resolved')

  t.equal(world.proxy.deploymentWrites().length, 0, 'nothing was written')
  t.match(page, /^astern\/storm\//)
  t.same(more, [], `people were woken once; otherwise than by the storm ended ${JSON.stringify(await alone(world))}`)
  t.equal(slack.parents(TITLE).length, 1, 'one thread in Slack')
  const subjects = places
    .mailbox()
    .thread(TITLE)
    .map(letter => letter.subject)
  t.equal(new Set(subjects).size, 1, 'one thread of mail')
  const listed = [...tool.taken.values()].filter(({ body }) => textAt(body, 'subject', 'kind') === 'storm')
  t.ok(
    targets.every(({ name }) => listed.some(({ raw }) => raw.includes(`Deployment/${namespace}/${name}"`))),
    'each workload is on its list'
  )
}

/** Waits until all of them run the image. */
async function all(world: World, targets: readonly ObjectRef[], image: string): Promise<void> {
  for (const target of targets)
    await untilWorkload(
      world.clients.cluster,
      target,
      found => imageOf(found) === image && found.rollout.state === 'complete',
      `${target.name} has ${image}`
    )
}

/** What the runs ended with that ended for themselves, and not by the storm. */
async function alone(world: World): Promise<unknown> {
  const { body } = await world.api('GET', '/api/v1/runs?kind=live&limit=100')
  return listAt(body, 'items')
    .filter(run => textAt(run, 'reason') !== 'storm')
    .map(run => [textAt(run, 'target'), textAt(run, 'outcome'), textAt(run, 'reason'), textAt(run, 'detail')])
}

/** The whole audit log, oldest first. */
async function auditRows(world: World): Promise<readonly JsonObject[]> {
  const rows: JsonObject[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const { body } = await world.api('GET', `/api/v1/audit?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`)
    rows.push(...listAt(body, 'items').filter(isObject))
    cursor = textAt(body, 'next')
  }
  return rows
}
