import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { MINUTE } from '../../../../src/base/clock.ts'
import { LEDGER_FILE, openSqliteFile } from '../../../../src/ledger/sqlite/file.ts'
import { openHandle } from '../../../../src/ledger/sqlite/handle.ts'
import { alertOf, deliveryOf } from '../../../support/deliveries.ts'
import { withRun } from '../../../support/ledger-fixture.ts'
import { countingIds, ledgerFolder } from '../../../support/open-ledger.ts'
import { NOON, TARGET } from '../../../support/workloads.ts'

/** What SQLite would do for each text that the work sends, where that reads runs or incidents from one end to the other. */
async function scans(work: (ledger: Awaited<ReturnType<typeof openHandle>>['ledger']) => Promise<unknown>): Promise<readonly string[]> {
  const path = join(ledgerFolder(t), LEDGER_FILE)
  const file = await openSqliteFile(path)
  const sent = new Set<string>()
  const watched = {
    ...file,
    prepare(text: string) {
      sent.add(text)
      return file.prepare(text)
    }
  }
  const { ledger } = await openHandle(watched, countingIds())
  sent.clear()
  await withRun(ledger)
  await work(ledger)
  await ledger.close()
  const plain = new DatabaseSync(path)
  const found = [...sent]
    .filter(text => /^(with|select|update|delete)/i.test(text))
    .flatMap(text => {
      const values = Array.from({ length: text.split('?').length - 1 }, () => 1)
      const plan = plain.prepare(`explain query plan ${text}`).all(...values)
      return plan.map(step => `${step['detail']}: ${text}`)
    })
    .filter(step => /^SCAN (runs|incidents|outbox)(?! USING (COVERING )?INDEX)/.test(step))
  plain.close()
  return found
}

t.test('claiming, admitting, parking and telling read runs, incidents and messages by their indexes', async t => {
  t.same(
    await scans(async ledger => {
      await ledger.claimDue('one', NOON, MINUTE, {
        atMost: 10,
        perSource: 5,
        perTarget: 1,
        sources: new Map(),
        targets: new Map([['x', 1]])
      })
      await ledger.nextDue()
      const [answer] = await ledger.receive(deliveryOf([alertOf({ alertname: 'B' })]))
      await ledger.unadmitted(10)
      await ledger.admissionRoom(NOON)
      const incident = await ledger.incident(answer?.id ?? '')
      if (incident === undefined) throw new Error('no incident')
      await ledger.getInLine([{ incident, target: TARGET }])
      await ledger.nextInLine(NOON, 10)
      await ledger.incidentsInLine()
    }),
    []
  )
})
