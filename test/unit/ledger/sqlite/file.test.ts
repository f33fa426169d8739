import { join } from 'node:path'
import t from 'tap'
import { LEDGER_FILE, openSqliteFile } from '../../../../src/ledger/sqlite/file.ts'
import { openHandle } from '../../../../src/ledger/sqlite/handle.ts'
import { alertOf, deliveryOf } from '../../../support/deliveries.ts'
import { countingIds, ledgerFolder } from '../../../support/open-ledger.ts'

t.test('a handle waits for another one’s transaction, and the process goes on meanwhile', async t => {
  const path = join(ledgerFolder(t), LEDGER_FILE)
  const [slow, other] = [
    await openHandle(await openSqliteFile(path), countingIds()),
    await openHandle(await openSqliteFile(path), countingIds())
  ]
  t.teardown(() => Promise.all([slow.ledger.close(), other.ledger.close()]))
  const gate = Promise.withResolvers<void>()
  let begun = false
  const writing = slow.database.transaction(async tx => {
    begun = true
    await tx.query.updateTable('switch').set({ mode: 'off' }).execute()
    await gate.promise
  })
  while (!begun) await new Promise(resolve => setImmediate(resolve))

  let done = false
  const waiting = other.ledger.receive(deliveryOf([alertOf({ alertname: 'A' })])).finally(() => {
    done = true
  })
  const from = performance.now()
  while (performance.now() - from < 50) await new Promise(resolve => setImmediate(resolve))

  t.equal(done, false, 'it has not begun')
  t.equal((await other.ledger.switchState()).mode, 'auto', 'reading waits for nobody, and sees what is committed')
  gate.resolve()
  await writing
  t.match(await waiting, [{ state: 'opened' }])
  t.equal((await other.ledger.switchState()).mode, 'off')
})

t.test('a delivery is answered when the disk has it, and not before', async t => {
  const file = await openSqliteFile(join(ledgerFolder(t), LEDGER_FILE))
  const disk = Promise.withResolvers<void>()
  let slow = false
  const { ledger } = await openHandle({ ...file, synced: () => (slow ? disk.promise : file.synced()) }, countingIds())
  t.teardown(() => ledger.close())
  slow = true
  let answered = false
  const answer = ledger.receive(deliveryOf([alertOf({ alertname: 'A' })])).finally(() => {
    answered = true
  })
  while ((await ledger.unadmitted(1)).length === 0) await new Promise(resolve => setImmediate(resolve))

  t.equal(answered, false, 'it is in the log, and not on the disk')
  disk.resolve()
  t.match(await answer, [{ state: 'opened' }])
})
