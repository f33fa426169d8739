import fc from 'fast-check'
import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { incidentEvent } from '../../../src/domain/incident.ts'
import { parseAlertmanagerPayload } from '../../../src/webhooks/alertmanager-payload.ts'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { alertOf } from '../../support/deliveries.ts'

const parsed = (body: unknown) => {
  const result = parseAlertmanagerPayload(body)
  if ('message' in result) throw new Error(`${result.path} ${result.message}`)
  return result
}

t.test('the traps of the payload', async t => {
  t.equal(parsed(payload([firing()])).alerts[0]?.endsAt, undefined, 'year 1 is "not ended"')
  t.equal(parsed(payload([firing({ endsAt: '2026-11-21T12:04:00Z' })])).alerts[0]?.status, 'firing', 'the status decides, not endsAt')
  t.equal(
    parsed(payload([firing({ startsAt: '2026-11-21T14:00:00.123456789+02:00' })])).alerts[0]?.startsAt,
    Date.parse('2026-11-21T12:00:00.123Z'),
    'nanoseconds and offsets'
  )
  t.equal(parsed(payload([], { receiver: 'web\\.hook' })).receiver, 'web.hook', 'the receiver is regex-quoted')
  t.same(parsed(payload([firing({ annotations: null })])).alerts[0]?.annotations, {}, 'null maps of careless senders')
  t.equal(
    parsed(payload([firing({ newKey: 1 })], { notification_reason: 'first notification', routeLabels: {}, newKey: [] })).alerts.length,
    1,
    'unknown fields are welcome'
  )
  t.same(
    parsed(payload([firing(), firing({ status: 'resolved', endsAt: '2026-11-21T12:05:00Z' })], { status: 'resolved', truncatedAlerts: 7 })),
    { ...parsed(payload([firing(), firing({ status: 'resolved', endsAt: '2026-11-21T12:05:00Z' })])), truncated: 7 },
    'each alert’s own status counts; max_alerts falsifies the payload’s'
  )
  t.equal(parsed(payload([firing({ labels: { __proto__x: '1', constructor: 'c' } })])).alerts[0]?.labels['constructor'], 'c')
})

t.test('what is malformed names its path', async t => {
  const problem = (body: unknown): string => {
    const result = parseAlertmanagerPayload(body)
    return 'message' in result ? `${result.path}: ${result.message}` : ''
  }
  t.match(problem([]), /must be a JSON object/)
  t.match(problem({}), /^version: is missing: .*custom `payload` template/)
  t.match(problem({ ...payload([]), version: '3' }), /^version: must be "4"/)
  t.match(problem({ ...payload([]), alerts: {} }), /^alerts: must be a list/)
  t.match(problem(payload([firing(), 'x'])), /^alerts\[1\]: must be an object/)
  t.match(problem(payload([firing({ status: 'pending' })])), /^alerts\[0\]\.status/)
  t.match(problem(payload([firing({ labels: { a: 1 } })])), /^alerts\[0\]\.labels\.a: must be a string/)
  t.match(problem(payload([firing({ labels: {} })])), /^alerts\[0\]\.labels: must not be empty/)
  t.match(problem(payload([firing({ startsAt: 'yesterday' })])), /^alerts\[0\]\.startsAt/)
  t.match(problem(payload([firing({ startsAt: undefined })])), /^alerts\[0\]\.startsAt/)
  t.match(problem(payload([firing({ endsAt: 5 })])), /^alerts\[0\]\.endsAt/)
})

t.test('whatever arrives is parsed or refused, never thrown on', async t => {
  fc.assert(
    fc.property(fc.anything(), anything => {
      parseAlertmanagerPayload(anything)
      parseAlertmanagerPayload(payload([anything]))
      return true
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('the state machine of episodes: whatever comes in whatever order, an incident is opened before it is anything else', async t => {
  const event = fc.record({
    status: fc.constantFrom('firing' as const, 'resolved' as const),
    gap: fc.integer({ min: 0, max: 60 }),
    startedAgo: fc.integer({ min: 0, max: 120 })
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), events => {
      let now = 0
      let newest: { state: 'open' | 'resolved' | 'expired'; episodeStartsAt: number; resolvedAt?: number } | undefined
      for (const { status, gap, startedAgo } of events) {
        now += gap * MINUTE
        const startsAt = now - startedAgo * MINUTE
        const said = incidentEvent(
          newest,
          alertOf({ a: 'b' }, { status, startsAt, ...(status === 'resolved' ? { endsAt: now } : {}) }),
          now
        )
        if (newest === undefined && said !== 'opened' && said !== 'ignored') return false
        if (newest?.state === 'open' && (said === 'opened' || said === 'reopened')) return false
        if (status === 'firing' && (said === 'ignored' || said === 'resolved')) return false
        if (said === 'reopened' && now - (newest?.resolvedAt ?? Number.NEGATIVE_INFINITY) > 30 * MINUTE) return false
        if (said === 'opened' || said === 'reopened') newest = { state: 'open', episodeStartsAt: startsAt }
        if (said === 'resolved' && newest !== undefined) newest = { ...newest, state: 'resolved', resolvedAt: now }
      }
      return true
    }),
    { numRuns: 500 }
  )
  t.pass()
})
