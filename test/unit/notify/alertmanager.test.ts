import t from 'tap'
import { at } from '../../../src/base/json.ts'
import type { Message } from '../../../src/domain/message.ts'
import { alertmanager } from '../../../src/notify/alertmanager/alertmanager.ts'
import { answering, channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { NOON } from '../../support/workloads.ts'

const soon = () => AbortSignal.timeout(5_000)

async function alertOf(message: Message): Promise<unknown> {
  const { http, requests } = answering(200)
  await alertmanager.open({ url: 'http://am:9093' }, channelTools({ http })).send(message, { revision: 1 }, soon())
  const alerts: unknown = JSON.parse(requests[0]?.body ?? '[]')
  return at(alerts, 0)
}

t.test('a call for people is an alert: Astern’s own labels, and those of the alert that routes go by', async t => {
  t.same(await alertOf(MESSAGE), {
    labels: {
      namespace: 'shop',
      alertname: 'AsternNeedsPeople',
      severity: 'critical',
      astern_message: 'run-1/denied/people',
      astern_outcome: 'denied',
      astern_alertname: 'A'
    },
    annotations: {
      summary: MESSAGE.title,
      description:
        'why\nAlert: A\nTarget: Deployment/shop/api\nOutcome: denied\nWhat happens next: Astern writes nothing more for this. It says when the alert is over.\nWhat you should do now: Look at the target: Astern left it as it is.',
      details: JSON.stringify(MESSAGE.details)
    },
    startsAt: new Date(NOON).toISOString(),
    endsAt: new Date(NOON + 3 * 24 * 3_600_000).toISOString()
  })
  t.match(await alertOf({ ...MESSAGE, event: 'approval' }), { labels: { alertname: 'AsternNeedsPeople' } })
  t.match(await alertOf({ ...MESSAGE, subject: { kind: 'loan', id: 'l' }, details: {} }), {
    labels: { alertname: 'AsternNeedsPeople', astern_outcome: '' }
  })
})

t.test('a storm is one alert of its own, which no label of one target routes; an update is the same alert', async t => {
  const storm: Message = { ...MESSAGE, key: 'storm/s/people', subject: { kind: 'storm', id: 's' }, details: { storm: 's', count: 7 } }
  const labels = { alertname: 'AsternStorm', severity: 'critical', astern_message: 'storm/s/people' }
  t.same(at(await alertOf(storm), 'labels'), labels)
  t.same(at(await alertOf({ ...storm, event: 'update', details: { storm: 's', count: 9 } }), 'labels'), labels)
})

t.test('what was posted ends when the affair is over, and nothing is posted where there is nothing to end', async t => {
  const { http, requests } = answering(200)
  const channel = alertmanager.open({ url: 'http://am:9093' }, channelTools({ http }))
  const over: Message = { ...MESSAGE, key: 'run-1/over', event: 'over', severity: 'info' }
  const posted = await channel.send(MESSAGE, { revision: 1 }, soon())
  const memory = posted.kind === 'delivered' ? (posted.remember ?? {}) : {}
  const ended = await channel.send(over, { revision: 1, memory }, soon())
  const alerts = requests.map(request => JSON.parse(request.body ?? '[]') as unknown)
  t.same(at(alerts, 1, 0, 'labels'), at(alerts, 0, 0, 'labels'), 'the very labels')
  t.equal(at(alerts, 1, 0, 'endsAt'), new Date(NOON).toISOString())
  t.same(ended, { kind: 'delivered', remember: { alerts: [] } })
  t.same(await channel.send(over, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(requests.length, 2)
})

t.test('it is given calls for people, and good news where it has posted something that ends', async t => {
  t.same(alertmanager.follows, ['over'])
  t.same(alertmanager.takes, ['needs-people', 'approval'])
})

t.test('it posts to the API below the base URL, with the token that stands in the file then', async t => {
  const { http, requests } = answering(200)
  const tokens = ['old', 'new']
  const readFile = async (path: string) => (path === '/token' ? (tokens.shift() ?? '') : '')
  const channel = alertmanager.open({ url: 'https://am/base/', bearerTokenFile: '/token' }, channelTools({ http, readFile }))
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  await channel.send(MESSAGE, { revision: 1 }, soon())
  t.equal(requests[0]?.url, 'https://am/base/api/v2/alerts')
  t.same(
    requests.map(request => request.headers?.['authorization']),
    ['Bearer old', 'Bearer new']
  )
})

t.test('what may pass is tried again; a refusal is final', async t => {
  const sent = (status: number | 'unreachable') =>
    alertmanager
      .open({ url: 'http://am:9093' }, channelTools({ http: answering(status, 'bad alert').http }))
      .send(MESSAGE, { revision: 1 }, soon())
  t.match(await sent('unreachable'), { kind: 'failed', detail: 'connection refused' })
  t.match(await sent(503), { kind: 'failed' })
  t.match(await sent(429), { kind: 'failed' })
  t.same(await sent(400), { kind: 'refused', detail: 'answered 400 bad alert' })
})

t.test('its URL may be plain http', async t => {
  t.same(alertmanager.check({ url: 'http://am:9093' }), [])
  t.same(alertmanager.check({ url: 'https://am' }), [])
  t.same(alertmanager.check({ url: 'am:9093/x' }), [{ path: ['url'], message: 'must begin with https://' }])
  t.same(alertmanager.check({ url: 'am' }), [{ path: ['url'], message: 'is not a URL' }])
})
