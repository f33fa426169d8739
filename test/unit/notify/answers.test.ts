import t from 'tap'
import { deliveredBy, retryAfterOf } from '../../../src/notify/answers.ts'
import type { HttpResponse } from '../../../src/outgoing/http-client.ts'
import { NOON } from '../../support/workloads.ts'

const answer = (status: number, retryAfter?: string): HttpResponse => ({
  kind: 'response',
  status,
  headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  body: 'why',
  sentAt: 0,
  receivedAt: 0
})

t.test('Retry-After: seconds, or a date; anything else says nothing', async t => {
  const read = (text: string) => retryAfterOf(answer(429, text), NOON)
  t.equal(read('30'), 30_000)
  t.equal(read(new Date(NOON + 90_000).toUTCString()), 90_000)
  for (const nothing of ['', 'soon', '-5', new Date(NOON - 1_000).toUTCString()]) t.equal(read(nothing), undefined, nothing)
  t.equal(retryAfterOf(answer(429), NOON), undefined)
})

// Reported of others: a 429 taken for final, so that the message was lost, or tried again at once, until the provider shut the sender out.
t.test('what passes is tried again, 429 included, with the server’s own word on when', async t => {
  t.same(deliveredBy(answer(429, '30'), NOON), { kind: 'failed', detail: 'answered 429 why', retryAfterMs: 30_000 })
  for (const status of [408, 425, 500, 503]) t.same(deliveredBy(answer(status), NOON), { kind: 'failed', detail: `answered ${status} why` })
  for (const status of [400, 401, 403, 404, 410]) t.match(deliveredBy(answer(status), NOON), { kind: 'refused' })
  t.same(deliveredBy(answer(202), NOON), { kind: 'delivered' })
  t.match(deliveredBy({ kind: 'failed', problem: 'unreachable', detail: 'refused' }, NOON), { kind: 'failed', detail: 'refused' })
})
