import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { audited } from '../../../src/domain/audited.ts'
import type { Ledger } from '../../../src/domain/ports/ledger.ts'
import { openAuditFile } from '../../../src/ledger/sqlite/audit-file.ts'
import { sqliteDialect } from '../../../src/ledger/sqlite/dialect.ts'
import { openSqliteFile } from '../../../src/ledger/sqlite/file.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { ledgerContract } from '../../support/ledger-contract.ts'
import { ledgerFolder, openLedger, openTwoHandles } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

t.test('SQLite keeps the contract', t => ledgerContract(t, { one: openLedger, two: openTwoHandles }))

async function filled(t: Test): Promise<{ readonly folder: string; readonly ledger: Ledger }> {
  const folder = ledgerFolder(t)
  const ledger = await openLedger(t, { folder })
  for (let index = 0; index < 5; index += 1) await ledger.receive(deliveryOf([alertOf({ alertname: `A${index}` })]))
  return { folder, ledger }
}

t.test('the audit chain: an edited, dropped or reordered row is found, and named', async t => {
  const { folder, ledger } = await filled(t)
  await ledger.close()
  const tampered = async (how: (db: DatabaseSync) => void) => {
    const copy = ledgerFolder(t)
    cpSync(folder, copy, { recursive: true })
    const db = new DatabaseSync(join(copy, 'ledger.sqlite'))
    db.exec('drop trigger audit_no_update; drop trigger audit_no_delete')
    how(db)
    db.close()
    const file = await openAuditFile(copy)
    const report = await file.verify()
    await file.close()
    return report
  }
  t.match(await tampered(() => {}), { rows: 5 }, 'untouched')
  t.equal((await tampered(() => {})).fault, undefined)
  t.match((await tampered(db => db.exec(`update audit set text = replace(text, 'A2', 'A9') where seq = 3`))).fault, {
    kind: 'edited',
    seq: 3
  })
  t.match((await tampered(db => db.exec(`update audit set run_id = 'x' where seq = 3`))).fault, { kind: 'edited', seq: 3 })
  t.match((await tampered(db => db.exec('delete from audit where seq = 3'))).fault, { kind: 'missing', seq: 3 })
  t.match((await tampered(db => db.exec('delete from audit where seq > 3'))).fault, { kind: 'missing', seq: 4 }, 'the newest rows too')
  t.match((await tampered(db => db.exec('delete from audit where seq = 3; update audit set seq = seq - 1 where seq > 3'))).fault, {
    seq: 3
  })
  t.match(
    (
      await tampered(db =>
        db.exec('update audit set seq = 99 where seq = 2; update audit set seq = 2 where seq = 3; update audit set seq = 3 where seq = 99')
      )
    ).fault,
    { seq: 2 }
  )
})

t.test('the audit table is append-only, also for Astern’s own code', async t => {
  const { folder, ledger } = await filled(t)
  await ledger.close()
  const db = new DatabaseSync(join(folder, 'ledger.sqlite'))
  t.throws(() => db.exec(`update audit set kind = 'x'`), /append-only/)
  t.throws(() => db.exec('delete from audit'), /append-only/)
  db.close()
})

t.test('what is beyond its time is deleted, and the chain verifies from where it then begins', async t => {
  const { folder, ledger } = await filled(t)
  await ledger.receive(deliveryOf([alertOf({ alertname: 'A1' }, { status: 'resolved', endsAt: NOON })], { receivedAt: NOON }))
  await ledger.receive(deliveryOf([alertOf({ alertname: 'late' })], { receivedAt: NOON + 1_000 }))
  await ledger.prune(NOON + 1_000, NOON + 1_000)
  await ledger.append([audited.switch({ at: NOON + 2_000 }, { mode: 'off', reason: 'why', by: 'ann' })])
  t.same(
    (await ledger.audit({}, 100)).map(row => row.seq),
    [7, 8],
    'the rows of before are gone'
  )
  t.equal((await ledger.unadmitted(100)).length, 5, 'what is open stays')
  await ledger.close()

  const file = await openAuditFile(folder)
  t.match(await file.verify(), { rows: 2, fault: undefined })
  await file.close()
  const db = new DatabaseSync(join(folder, 'ledger.sqlite'))
  t.throws(() => db.exec('delete from audit where seq = 7'), /append-only/, 'what is within its time cannot be deleted')
  db.close()
})

t.test('everything survives a restart', async t => {
  const { folder, ledger } = await filled(t)
  await ledger.setSwitch({ mode: 'off', reason: 'r', by: 'b', at: NOON })
  await ledger.close()

  const again = await openLedger(t, { folder })

  t.equal((await again.switchState()).mode, 'off')
  t.equal((await again.unadmitted(10)).length, 5)
})

t.test('a second process on the folder refuses to start; reading the audit log goes on', async t => {
  const { folder } = await filled(t)

  await t.rejects(openLedger(t, { folder }), /another Astern uses the data folder/)
  const file = await openAuditFile(folder)
  t.equal((await file.verify()).rows, 5)
  await file.close()
})

t.test('a folder that cannot be written to, or holds no ledger, says what to do', async t => {
  const folder = ledgerFolder(t)
  await t.rejects(openAuditFile(join(folder, 'none')), /no ledger that can be read/)
  if (process.getuid?.() === 0) {
    // Root may write anywhere: another user asks.
    chmodSync(folder, 0o555)
    const script = `import { openSqliteLedger } from ${JSON.stringify(join(process.cwd(), 'src/ledger/sqlite/open.ts'))}; process.setgid?.(65534); process.setuid?.(65534); await openSqliteLedger(${JSON.stringify(join(folder, 'data'))}, { next: () => 'x' }).catch(cause => { console.log(cause.message) })`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    t.match(stdout, /cannot be written to: give --data-dir a folder that this user may write/)
  } else {
    chmodSync(folder, 0o555)
    await t.rejects(openLedger(t, { folder: join(folder, 'data') }), /cannot be written to/)
  }
})

t.test('a transaction, and a delivery, is answered when the disk has it, and not before', async t => {
  const folder = ledgerFolder(t)
  const file = await openSqliteFile(join(folder, 'x.sqlite'))
  file.exec('create table things (name text)')
  // A disk that takes its time, and one that fails.
  const syncs: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = []
  const dialect = sqliteDialect({
    ...file,
    synced: () => new Promise((resolve, reject) => syncs.push({ resolve, reject }))
  })
  const db = new Kysely<{ things: { name: string } }>({ dialect })
  t.teardown(() => file.close())
  const done: string[] = []
  const add = (name: string) => db.insertInto('things').values({ name }).execute()
  const first = db.transaction().execute(trx => trx.insertInto('things').values({ name: 'a' }).execute())
  void first.then(() => done.push('a'))
  const second = add('b')
  void second.then(() => done.push('b'))
  while (syncs.length < 2) await new Promise(resolve => setImmediate(resolve))
  t.same(done, [], 'both are in the log, neither is on the disk')
  t.equal((await db.selectFrom('things').selectAll().execute()).length, 2, 'the second did not wait for the first one’s disk')
  syncs[1]?.resolve()
  await second
  t.same(done, ['b'])
  syncs[0]?.resolve()
  await first
  const failing = add('c')
  while (syncs.length < 3) await new Promise(resolve => setImmediate(resolve))
  syncs[2]?.reject(new Error('EIO'))
  await t.rejects(failing, /EIO/, 'nothing is promised that the disk did not take')
  await t.rejects(
    db.transaction().execute(async trx => {
      await trx.insertInto('things').values({ name: 'd' }).execute()
      throw new Error('changed my mind')
    }),
    /changed my mind/
  )
  const last = add('e')
  while (syncs.length < 4) await new Promise(resolve => setImmediate(resolve))
  syncs[3]?.resolve()
  await last
  t.same(
    (await db.selectFrom('things').selectAll().execute()).map(row => row.name),
    ['a', 'b', 'c', 'e'],
    'what was rolled back is gone, and the turn is free again'
  )
})
