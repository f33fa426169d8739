import { join } from 'node:path'
import type { Test } from 'tap'
import { isObject, type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import { LEDGER_FILE, openReader } from '../../src/ledger/sqlite/file.ts'
import type { Shown } from '../support/channels/stand-in.ts'
import { imageOf, ok, setImage, untilWorkload } from '../support/conformance/clients.ts'
import { ended, type Site, waitUntil } from '../support/world/world.ts'
import { firing, openScene, type PolicyOf, type Scene } from './conversation-scene.ts'

// What somebody sees in each channel who looks there when a story is over.

// A busy machine scrapes late, and a rung that sees too few samples ends as unknown.
const confirm = { within: '24s', passes: 2, every: '1s' }
const undo = { action: 'rollout-undo', with: { provenFor: '0s' } }
const policies = (policyOf: PolicyOf): readonly JsonObject[] => [
  policyOf('api', { steps: [{ ...undo, confirm: { within: '80s', passes: 2, every: '1s' } }] }),
  policyOf('worse', {
    steps: [
      { ...undo, confirm },
      { action: 'rollout-restart', confirm }
    ]
  }),
  policyOf('pool', { changedWithin: '1s', steps: [{ ...undo, confirm }] }),
  // The runbook of I1: what people would do first, and after so long without success they are called.
  policyOf('gateway', { steps: [{ action: 'rollout-restart', confirm }] })
]

/** Stories 1, 4 and 8 and incident I1, each in the conversation that it ends in, in every channel. */
export async function conversations(t: Test, site: Site, namespace: string): Promise<void> {
  const scene = await openScene(t, site, namespace, { policies })
  const { world, places } = scene
  const [api, worse] = [await scene.deploy('api'), await scene.deploy('worse'), await scene.deploy('pool'), await scene.deploy('gateway')]
  const { cluster, kube } = world.clients
  for (const name of ['api', 'worse', 'pool', 'gateway'])
    await untilWorkload(cluster, { kind: 'Deployment', namespace, name }, ({ rollout }) => rollout.state === 'complete', `${name} runs`)
  await world.astern()
  await setImage(kube, api, 'api:v2-err40')
  await setImage(kube, worse, 'worse:v2-err40')
  world.errors.set('worse:v1', 0.5)
  world.errors.set('pool:v1', 0.4)
  world.errors.set('gateway:v1', 0.3)

  const overOf = (name: string): Promise<JsonObject> =>
    world.untilRun(run => ended(run) && textAt(run, 'target') === `Deployment/${namespace}/${name}`, `the run of ${name} is over`)

  const recovered = await overOf('api')
  t.equal(recovered['outcome'], 'recovered', 'story 1')
  await untilWorkload(cluster, api, found => imageOf(found) === 'api:v1', 'api:v1 is back')
  await looks(t, scene, { name: 'api', run: recovered, shown: 'over', wrote: 1 })

  const denied = await overOf('pool')
  t.equal(denied['reason'], 'no-recent-change', 'story 4')
  await looks(t, scene, { name: 'pool', run: denied, shown: 'call', wrote: 0 })

  const helpless = await overOf('gateway')
  t.equal(helpless['outcome'], 'ineffective', 'I1')
  await looks(t, scene, { name: 'gateway', run: helpless, shown: 'call', wrote: 1 })

  const ineffective = await overOf('worse')
  t.equal(ineffective['outcome'], 'ineffective', 'story 8')
  await looks(t, scene, { name: 'worse', run: ineffective, shown: 'call', wrote: 2 })

  t.same(
    places.pagerduty.notified.sort(),
    [denied, helpless, ineffective].map(run => `astern/run/${String(run['id'])}`).sort(),
    'people are woken once for each that needs them, and for nothing else'
  )
  t.same(places.teams.failedInside, [])
  const ledger = openReader(join(world.dataDir, LEDGER_FILE))
  const incidents = ledger.read('select * from incidents', []).map(row => JSON.stringify(row))
  ledger.close()
  t.ok(incidents.length >= 4)
  t.notOk(
    incidents.some(incident => incident.includes('astern_message')),
    'what Astern posted to the Alertmanager came back to it, and opened no incident'
  )
}

interface Told {
  readonly name: string
  readonly run: JsonObject
  readonly shown: Shown
  /** How often Astern wrote. */
  readonly wrote: number
}

/** Looks at one affair in every channel, as somebody would who just came. */
async function looks(t: Test, { world, places }: Scene, { name, run, shown, wrote }: Told): Promise<void> {
  const title = `Deployment/${world.namespace}/${name}:`
  const id = String(run['id'])
  await waitUntil(
    async () => places.tool.shows(id) === shown && places.mailbox().shows(title) === shown && places.slack.shows(title) === shown,
    () => `${name} is told everywhere; the tool has ${places.tool.shows(id)}, mail ${places.mailbox().shows(title)}`
  )
  const pages = shown === 'call' ? 'call' : 'nothing'
  await waitUntil(
    async () => places.pagerduty.shows(`astern/run/${id}`) === pages && (await firing(world, id)).length === (pages === 'call' ? 1 : 0),
    `${name}: PagerDuty and Alertmanager show what is open`
  )
  const messages = wrote + 1
  await waitUntil(
    () => places.teams.shows(title) === shown && places.slack.showsPosted(title) === shown,
    `${name}: a card in Teams, and a message by the incoming webhook`
  )

  const [parent, ...more] = places.slack.parents(title)
  t.equal(more.length, 0, `${name}: one thread`)
  const replies = [...places.slack.messages.values()].filter(({ thread }) => thread === parent?.ts)
  t.equal(replies.length, messages - 1, 'each later message answers in it')
  t.equal(parent?.edits, messages - 1, 'and changes the first')
  t.same(
    replies.map(({ broadcast }) => broadcast),
    replies.map((_, index) => shown === 'call' && index === replies.length - 1),
    'the first call for people is shown to the whole channel'
  )
  t.equal(places.slack.posted.filter(body => textAt(body, 'text')?.includes(title)).length, messages)
  t.equal(places.teams.cards.filter(card => card.title.includes(title)).length, messages)
  t.equal([...places.tool.taken.values()].filter(({ body }) => textAt(body, 'subject', 'id') === id).length, messages)
  const [first, ...later] = places.mailbox().thread(title)
  t.equal(later.length, messages - 1)
  for (const letter of later) t.match(letter, { answers: first?.id, subject: first?.subject }, 'one thread of mail')
  t.equal(places.pagerduty.changes.filter(summary => summary.includes(title)).length, wrote, 'each write is a change event')
  const path = `/apis/events.k8s.io/v1/namespaces/${world.namespace}/events`
  await waitUntil(
    async () =>
      listAt(ok(await world.clients.kube.get(path)), 'items')
        .filter(isObject)
        .some(
          event =>
            textAt(event, 'regarding', 'name') === name &&
            textAt(event, 'reportingController') === 'astern.dev/astern' &&
            textAt(event, 'action') === 'Remediate' &&
            textAt(event, 'type') === (shown === 'call' ? 'Warning' : 'Normal') &&
            (textAt(event, 'note') ?? '').startsWith(title)
        ),
    `${name}: an Event on the workload`
  )
}
