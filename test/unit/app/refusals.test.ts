import t from 'tap'
import { createRefusals } from '../../../src/app/refusals.ts'
import { MINUTE } from '../../../src/base/clock.ts'

t.test('lines are limited, by sender and reason and in all; what is left out is told, and all is counted', async t => {
  let now = 0
  const lines: Record<string, unknown>[] = []
  const counted: string[] = []
  const refused = createRefusals({
    now: () => now,
    logger: { warn: (data: Record<string, unknown>) => void lines.push(data) } as never,
    metrics: { refusedDelivery: () => {}, refusedRequest: why => void counted.push(why) }
  })
  const one = (sender: string, status = 401) => refused({ status, method: 'GET', path: `/${'x'.repeat(500)}`, sender, reason: 'r' })

  for (let count = 0; count < 5; count += 1) one('10.0.0.1')
  one('10.0.0.1', 403)
  one('10.0.0.2')
  t.match(lines, [
    { sender: '10.0.0.1', status: 401 },
    { sender: '10.0.0.1', status: 403, more: 4 },
    { sender: '10.0.0.2', status: 401, more: undefined }
  ])
  t.ok(String(lines[0]?.['request']).length <= 210, 'a path is cut')

  for (let count = 0; count < 10_000; count += 1) one(`10.1.${count >> 8}.${count & 255}`)
  t.equal(lines.length, 100, 'whoever has many addresses fills no disk')
  now += MINUTE
  one('10.0.0.1')
  t.match(lines.at(-1), { sender: '10.0.0.1', more: 10_003 - 100 })
  t.equal(counted.length, 10_008)
  for (const status of [404, 409, 422, 500]) refused({ status, method: 'GET', path: '/api/x', sender: 'a', reason: 'r' })
  t.equal(counted.length, 10_008, 'those are no refusals')
})
