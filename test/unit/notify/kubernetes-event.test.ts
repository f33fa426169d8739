import t from 'tap'
import { at, type JsonObject, textAt } from '../../../src/base/json.ts'
import { withHandOver } from '../../../src/domain/hand-over.ts'
import { type Delivered, MESSAGE_EVENTS, type Message } from '../../../src/domain/message.ts'
import type { Kube, KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { kubernetesEvent } from '../../../src/notify/kubernetes-event/kubernetes-event.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { StoryKube } from '../../support/story-kube.ts'
import { NOON } from '../../support/workloads.ts'

const soon = () => AbortSignal.timeout(5_000)
const EVENTS = '/apis/events.k8s.io/v1/namespaces/shop/events'

function cluster(): { readonly kube: StoryKube; readonly events: JsonObject[] } {
  const kube = new StoryKube()
  const events: JsonObject[] = []
  kube.objects.set('/apis/apps/v1/namespaces/shop/deployments/api', { metadata: { uid: 'uid-api' } })
  kube.onPost = (path, object) => {
    if (path === EVENTS) events.push(object)
    return { kind: 'ok', status: 201, object }
  }
  return { kube, events }
}

const send = (kube: Pick<Kube, 'get' | 'post'>, message: Message = MESSAGE): Promise<Delivered> =>
  kubernetesEvent.open({}, channelTools({ kube })).send(message, { revision: 1 }, soon())

t.test('what ended is an Event on the target, named by the message’s key', async t => {
  const { kube, events } = cluster()
  t.same(await send(kube), { kind: 'delivered' })
  const [event] = events
  t.match(event, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'shop', name: /^api\.[0-9a-f]{16}$/ },
    eventTime: `${new Date(NOON).toISOString().slice(0, -1)}000Z`,
    reportingController: 'astern.dev/astern',
    reportingInstance: 'astern-0',
    action: 'Remediate',
    reason: 'AsternDenied',
    type: 'Warning',
    note: `${MESSAGE.title}\nwhy`,
    regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'api', uid: 'uid-api' }
  })
  await send(kube)
  await send(kube, { ...MESSAGE, key: 'run-2/denied/kubernetes-event' })
  t.equal(textAt(events[1], 'metadata', 'name'), textAt(event, 'metadata', 'name'), 'sending twice makes one')
  t.not(textAt(events[2], 'metadata', 'name'), textAt(event, 'metadata', 'name'))
})

t.test('what changed since is an Event of its own, for otherwise `kubectl describe` would show what is not so any more', async t => {
  const { kube, events } = cluster()
  const channel = kubernetesEvent.open({}, channelTools({ kube }))
  for (const revision of [1, 2, 2, 3]) await channel.send({ ...MESSAGE, event: 'update', text: `told ${revision}` }, { revision }, soon())
  const names = events.map(event => textAt(event, 'metadata', 'name'))
  t.equal(names[1], names[2], 'sending twice makes one')
  t.equal(new Set(names).size, 3)
})

t.test('who is needed is warned; good news is normal', async t => {
  const { kube, events } = cluster()
  for (const event of kubernetesEvent.takes) await send(kube, { ...MESSAGE, event, details: { ...MESSAGE.details, outcome: 'timed-out' } })
  t.same(
    events.map(event => at(event, 'type')),
    ['Warning', 'Warning', 'Warning', 'Normal'],
    'what changed is no good news'
  )
  await send(kube, withHandOver({ ...MESSAGE, event: 'update' }, { by: 'Ada', via: 'slack', at: NOON }))
  t.equal(at(events.at(-1), 'type'), 'Normal', 'but that somebody has it is')
  t.equal(textAt(events[0], 'reason'), 'AsternTimedOut')
})

t.test('a note is cut to Kubernetes’ limit, in bytes', async t => {
  const { kube, events } = cluster()
  await send(kube, { ...MESSAGE, text: 'ü'.repeat(2_000) })
  const length = Buffer.byteLength(textAt(events[0], 'note') ?? '')
  t.ok(length <= 1_024 && length > 900, String(length))
})

t.test('it is told everything but what a write’s own Event says, without being configured', async t => {
  t.same(
    kubernetesEvent.takes,
    MESSAGE_EVENTS.filter(event => event !== 'acted')
  )
  t.equal(kubernetesEvent.standing, true)
})

t.test('what may pass is tried again; a target that is gone and a right that is missing are final', async t => {
  const answers = (get: KubeAnswer, post: KubeAnswer = get) => send({ get: async () => get, post: async () => post })
  const error = (status: number): KubeAnswer => ({ kind: 'error', status, detail: `said ${status}` })
  const found: KubeAnswer = { kind: 'ok', status: 200, object: {} }
  t.match(await send(cluster().kube, { ...MESSAGE, details: {} }), { kind: 'refused', detail: 'the message names no target' })
  t.match(await answers(error(404)), { kind: 'refused', detail: 'Deployment/shop/api is gone' })
  t.match(await answers(error(403)), { kind: 'refused' })
  t.match(await answers(error(500)), { kind: 'failed' })
  t.match(await answers({ kind: 'unreachable', detail: 'away' }), { kind: 'failed', detail: 'away' })
  t.match(await answers(found, error(409)), { kind: 'delivered' }, 'it is there already')
  t.match(await answers(found, error(403)), { kind: 'refused', detail: 'said 403' })
  t.match(await answers(found, error(429)), { kind: 'failed' })
  t.match(await answers(found, { kind: 'unreachable', detail: 'away' }), { kind: 'failed' })
})
