import Fastify from 'fastify'
import t from 'tap'
import type { FaultPoint } from '../../../src/domain/ports/faults.ts'
import { alertmanagerWebhook, type StoredDelivery } from '../../../src/webhooks/alertmanager.ts'
import { countingIds, openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

t.test('a crash between two parts of a delivery: it is not acknowledged, and sent again each alert counts once', async t => {
  const ledger = await openLedger(t)
  const reached: FaultPoint[] = []
  const stored: StoredDelivery[] = []
  let crash = true
  const server = Fastify()
  t.teardown(() => server.close())
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  alertmanagerWebhook(server, {
    ledger,
    clock: { now: () => NOON, sleep: () => Promise.reject(new Error('nobody sleeps here')) },
    ids: countingIds(),
    faults: {
      reach(point) {
        reached.push(point)
        if (point === 'delivery-part-stored' && crash) throw new Error('killed')
      }
    },
    credential: () => ({ name: 'am', role: 'webhook', source: 'am' }),
    received: one => void stored.push(one)
  })
  const alerts = Array.from(
    { length: 5_000 },
    (_, index) => `{"status":"firing","labels":{"a":"${index}"},"startsAt":"2026-11-21T12:00:00Z"}`
  )
  const post = () =>
    server.inject({ method: 'POST', url: '/webhooks/alertmanager', payload: `{"alerts":[${alerts.join(',')}],"version":"4"}` })

  t.equal((await post()).statusCode, 500, 'the sender hears of a failure, as it would of a connection that broke')
  t.same(reached, ['delivery-received', 'delivery-part-stored'])
  const first = (await ledger.unadmitted(10_000)).length
  t.ok(first > 0 && first < 5_000, `the first part of ${first} alerts is in the ledger`)

  crash = false
  t.equal((await post()).statusCode, 202)
  t.equal(reached.at(-1), 'delivery-stored')
  t.same(
    stored.map(one => [...one.events]),
    [
      [
        ['heartbeat', first],
        ['opened', 5_000 - first]
      ]
    ]
  )
  t.equal((await ledger.unadmitted(10_000)).length, 5_000)
})
