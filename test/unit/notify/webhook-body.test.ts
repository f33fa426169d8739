import fc from 'fast-check'
import t from 'tap'
import { objectAt } from '../../../src/base/json.ts'
import { bodyFault, renderBody } from '../../../src/notify/webhook/body.ts'
import { webhook } from '../../../src/notify/webhook/webhook.ts'
import { answering, channelTools, MESSAGE } from '../../support/channel-tools.ts'

t.test('the policy’s own body is sent, signed, with the token that stands in the file', async t => {
  const { http, requests } = answering(204)
  const body = { summary: '{{ title }}', team: '{{ labels.namespace }}', tags: ['{{ event }}', '{{ details.outcome }}'], fixed: 7 }
  const channel = webhook.open(
    { url: 'https://example.org', body, secretFile: '/s', bearerTokenFile: '/t' },
    channelTools({ http, readFile: async path => path })
  )
  await channel.send(MESSAGE, { revision: 1 }, AbortSignal.timeout(1_000))
  t.same(JSON.parse(requests[0]?.body ?? ''), { summary: MESSAGE.title, team: 'shop', tags: ['needs-people', 'denied'], fixed: 7 })
  t.match(requests[0]?.headers, { authorization: 'Bearer /t', 'x-astern-signature': /^v1=[0-9a-f]{64}$/ })
})

t.test('a hole that nothing fills is told at load; a value that is not there is empty', async t => {
  t.match(bodyFault({ a: ['{{ titel }}'] }), /is none of key, event, title/)
  t.match(bodyFault({ a: '{{ labels }}' }), /is none of/)
  t.match(bodyFault({ a: '{{' }), /is none of/)
  t.equal(bodyFault({ a: '{{ labels.x }} {{details.y}} {{ facts }}' }), undefined)
  t.match(webhook.check({ url: 'https://example.org', body: { a: '{{ x }}' } }), [{ path: ['body'] }])
  t.equal(renderBody({ a: '{{ labels.none }}' }, MESSAGE, undefined), '{"a":""}')
})

t.test('whatever a label holds, it stays in its text', async t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), label => {
      const rendered: unknown = JSON.parse(
        renderBody({ a: 'x {{ labels.l }} {{ title }}', b: true }, { ...MESSAGE, labels: { l: label }, title: 'T' }, undefined)
      )
      t.strictSame(Object.keys(objectAt(rendered)), ['a', 'b'])
      return objectAt(rendered)['a'] === `x ${label.toWellFormed()} T` || objectAt(rendered)['a'] === `x ${label} T`
    })
  )
})
