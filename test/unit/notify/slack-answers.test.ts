import fc from 'fast-check'
import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { withHandOver } from '../../../src/domain/hand-over.ts'
import type { Message } from '../../../src/domain/message.ts'
import { readForm, readPressed } from '../../../src/notify/slack/answers/pressed.ts'
import { signatureFault } from '../../../src/notify/slack/answers/signature.ts'
import { buttonsFor } from '../../../src/notify/slack/buttons.ts'
import { MESSAGE } from '../../support/channel-tools.ts'
import { formOf, pressOf, SECRET, signedBy } from '../../support/slack-press.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

t.test('the signatures of Slack’s own documentation, and of the facts, are good', async t => {
  const documented =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
  const at = 1_531_420_618
  const callback = {
    timestamp: String(at),
    signature: 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    body: bytes(documented)
  }
  t.equal(signatureFault('8f742231b10e8888abcd99yyyzzz85a5', callback, at * SECOND), undefined)
  const fact = {
    timestamp: '1700000000',
    signature: 'v0=98fc666792b53d71acd495582349fb4120943d709d6463eca07f743d2ddc726a',
    body: bytes('payload=%7B%22type%22%3A%22block_actions%22%7D')
  }
  t.equal(signatureFault('test-secret', fact, 1_700_000_000_000), undefined)
  t.match(signatureFault('another', fact, 1_700_000_000_000), /not ours/)
})

t.test('what is forged, late, early or not signed is refused, whatever else is right', async t => {
  const now = 1_764_338_400_000
  const body = formOf(pressOf())
  const good = { ...signedBy(SECRET, body, now), body: bytes(body) }
  t.equal(signatureFault(SECRET, good, now), undefined)
  t.equal(signatureFault(SECRET, good, now + 5 * MINUTE), undefined)
  t.match(signatureFault(SECRET, good, now + 5 * MINUTE + SECOND), /five minutes/)
  t.match(
    signatureFault(SECRET, { ...signedBy(SECRET, body, now + 6 * MINUTE), body: bytes(body) }, now),
    /five minutes/,
    'nor from the future'
  )
  t.match(signatureFault(SECRET, { ...good, timestamp: undefined }, now), /not signed/)
  t.match(signatureFault(SECRET, { ...good, signature: undefined }, now), /not signed/)
  for (const timestamp of ['', 'NaN', '-1', '1e9', ' 1764338400', '1764338400.0', 'Infinity'])
    t.match(signatureFault(SECRET, { ...good, timestamp }, now), /no number/)
  fc.assert(
    fc.property(fc.nat({ max: body.length - 1 }), fc.integer({ min: 1, max: 255 }), (place, change) => {
      const bad = Buffer.from(body)
      bad[place] = (bad[place] ?? 0) ^ change
      return signatureFault(SECRET, { ...good, body: bad }, now) !== undefined
    })
  )
  fc.assert(fc.property(fc.string(), signature => signatureFault(SECRET, { ...good, signature }, now) !== undefined))
})

// Reported of others: `ssl_check=1` skipped the signature, and the payload beside it was carried out.
t.test('a look at the certificate is nothing else: with a payload beside it, it is a callback that must be signed', async t => {
  t.same(readForm(bytes('ssl_check=1&token=x')), { kind: 'ssl-check' })
  t.match(readForm(bytes(`ssl_check=1&${formOf(pressOf())}`)), { kind: 'payload' })
  t.match(readForm(bytes('ssl_check=true&token=x')), { kind: 'bad' })
})

t.test('a payload is read by its schema: what is none, or of another kind, is refused', async t => {
  t.match(readPressed(pressOf()), {
    kind: 'pressed',
    pressed: { button: 'astern.take', runId: 'run-A', user: 'UADA', team: 'T0', app: 'A0', channel: 'C0INCIDENTS' }
  })
  t.match(
    readPressed(pressOf({ user: { id: 'UADA', team_id: 'TOTHER' } })),
    { pressed: { team: 'TOTHER', workspace: 'T0' } },
    'a shared channel'
  )
  t.match(readPressed(pressOf({ team: null, user: { id: 'UADA' } })), { kind: 'bad', detail: /no team/ })
  const bad: readonly unknown[] = [
    undefined,
    null,
    [],
    'x',
    pressOf({ type: 'view_submission' }),
    pressOf({ user: { id: '<!channel>' } }),
    pressOf({ actions: [] }),
    pressOf({ channel: undefined }),
    pressOf({}, { action_id: 'other.button' }),
    pressOf({}, { value: '../x' }),
    pressOf({}, { value: 'x'.repeat(101) }),
    pressOf({}, { type: 'static_select' })
  ]
  for (const payload of bad) t.match(readPressed(payload), { kind: 'bad' }, JSON.stringify(payload)?.slice(0, 80))
  for (const form of ['', 'payload=', 'payload={', 'payload={}&payload={}', 'a=b', '\u0000'])
    t.match(readForm(bytes(form)), { kind: 'bad' }, form)
  fc.assert(fc.property(fc.uint8Array(), body => ['bad', 'payload', 'ssl-check'].includes(readForm(body).kind)))
  fc.assert(fc.property(fc.anything(), payload => readPressed(payload).kind === 'bad'))
})

t.test('buttons stand below what somebody can take over, with the run’s id and nothing else', async t => {
  const ids = (message: Message): readonly unknown[] =>
    buttonsFor(message).flatMap(block =>
      (block['elements'] as { action_id: string; value: string }[]).map(one => [one.action_id, one.value])
    )
  t.same(ids({ ...MESSAGE, event: 'acted' }), [
    ['astern.take', 'run-1'],
    ['astern.stop', 'run-1']
  ])
  t.same(ids(MESSAGE), [['astern.take', 'run-1']])
  t.same(ids({ ...MESSAGE, event: 'over' }), [])
  t.same(ids({ ...MESSAGE, subject: { kind: 'storm', id: 's1' } }), [])
  t.same(ids(withHandOver(MESSAGE, { by: 'Ada', via: 'slack', at: 0 })), [], 'somebody has it')
})
