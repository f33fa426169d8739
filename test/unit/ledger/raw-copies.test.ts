import { randomBytes } from 'node:crypto'
import t from 'tap'
import { DAY } from '../../../src/base/clock.ts'
import { RAW_KEPT_PER_DAY } from '../../../src/ledger/raw-copies.ts'
import { openAuditFile } from '../../../src/ledger/sqlite/audit-file.ts'
import { LEDGER_FILE, openReader } from '../../../src/ledger/sqlite/file.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { ledgerFolder, openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

t.test('a raw copy is kept packed, in the parts in which it came, and read as it was sent', async t => {
  const folder = ledgerFolder(t)
  const ledger = await openLedger(t, { folder })
  const parts = [Buffer.from('{"alerts":['.padEnd(100_000)), Buffer.from(']}')]
  for (const [part, raw] of parts.entries()) await ledger.receive(deliveryOf([], { id: 'd-1', raw, part }))
  const file = await openAuditFile(folder)
  t.teardown(() => file.close())
  t.ok(Buffer.concat(parts).equals((await file.delivery('d-1')) as Uint8Array))
  t.equal(await file.delivery('d-2'), undefined)
  const rows = openReader(`${folder}/${LEDGER_FILE}`)
  t.teardown(() => rows.close())
  t.match(rows.read('select part, encoding, bytes, length(body) < 1000 as small from deliveries order by part', []), [
    { part: 0, encoding: 'gzip', bytes: 100_000, small: 1 },
    { part: 1, encoding: 'plain', bytes: 2 }
  ])
})

t.test('over the quota of a source and day only raw copies are dropped: alerts never, and no other source’s', async t => {
  const folder = ledgerFolder(t)
  const ledger = await openLedger(t, { folder })
  const file = await openAuditFile(folder)
  t.teardown(() => file.close())
  const large = randomBytes(RAW_KEPT_PER_DAY / 4)
  const receive = (id: string, more: { readonly source?: string; readonly receivedAt?: number; readonly raw?: Uint8Array } = {}) =>
    ledger.receive(deliveryOf([alertOf({ alertname: id })], { id, raw: large, ...more }))
  for (const id of ['a', 'b', 'c', 'd', 'e']) t.match(await receive(id), [{ state: 'opened' }])
  t.same(await Promise.all(['a', 'd', 'e'].map(async id => (await file.delivery(id)) === 'dropped')), [false, false, true])
  t.match(await receive('other', { source: 'am-2' }), [{ state: 'opened' }])
  t.not(await file.delivery('other'), 'dropped')
  await receive('tomorrow', { receivedAt: NOON + DAY })
  t.not(await file.delivery('tomorrow'), 'dropped', 'the next day begins anew')
  await receive('late')
  t.equal(await file.delivery('late'), 'dropped', 'and does not give the day before more')
  await ledger.prune(NOON + DAY, 0)
  t.equal(await file.delivery('a'), undefined)
  t.not(await file.delivery('tomorrow'), undefined)
})

t.test('a label set stands once, however many episodes an alert has, and goes with the last of them', async t => {
  const folder = ledgerFolder(t)
  const ledger = await openLedger(t, { folder })
  const labels = { alertname: 'A', namespace: 'shop' }
  for (const day of [0, 1, 2]) {
    await ledger.receive(deliveryOf([alertOf(labels, { startsAt: NOON + day * DAY })], { receivedAt: NOON + day * DAY }))
    await ledger.receive(
      deliveryOf([alertOf(labels, { status: 'resolved', startsAt: NOON + day * DAY, endsAt: NOON + day * DAY + 1 })], {
        receivedAt: NOON + day * DAY + 1
      })
    )
  }
  await ledger.receive(deliveryOf([alertOf({ alertname: 'B' })]))
  const rows = openReader(`${folder}/${LEDGER_FILE}`)
  t.teardown(() => rows.close())
  const count = (table: string): unknown => rows.read(`select count(*) as count from ${table}`, [])[0]
  t.match(count('incidents'), { count: 4 })
  t.match(count('label_sets'), { count: 2 })
  const [, second] = await ledger.unadmitted(10)
  t.same(second?.labels, { alertname: 'B' })
  await ledger.prune(0, NOON + 10 * DAY)
  t.match(count('incidents'), { count: 1 })
  t.match(count('label_sets'), { count: 1 }, 'only that of the open one')
})
