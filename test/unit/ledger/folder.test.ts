import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openAuditFile } from '../../../src/ledger/sqlite/audit-file.ts'
import { LEDGER_FILE, openSqliteFile } from '../../../src/ledger/sqlite/file.ts'
import { openHandle } from '../../../src/ledger/sqlite/handle.ts'
import { openSqliteLedger } from '../../../src/ledger/sqlite/open.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { countingIds, ledgerFolder, openLedger } from '../../support/open-ledger.ts'

/** Stores deliveries in a process of its own, which then dies as by `kill -9`. */
function storeAndDie(folder: string, then = ''): void {
  const script = `
    import { openSqliteLedger } from ${JSON.stringify(join(process.cwd(), 'src/ledger/sqlite/open.ts'))}
    import { alertOf, deliveryOf } from ${JSON.stringify(join(process.cwd(), 'test/support/deliveries.ts'))}
    const run = Math.random()
    let count = 0
    const ledger = await openSqliteLedger(${JSON.stringify(folder)}, { next: () => 'id-' + run + '-' + count++ })
    const store = name => ledger.receive(deliveryOf([alertOf({ alertname: name + run })]))
    await store('A')
    ${then}
    process.kill(process.pid, 'SIGKILL')`
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  if (signal !== 'SIGKILL') throw new Error(stderr)
}

/** What SQLite does by itself once the log is long. */
const CHECKPOINT = `const { DatabaseSync } = await import('node:sqlite'); const other = new DatabaseSync(${'`'}${'${'}process.env.LEDGER}${'`'}); other.exec('pragma wal_checkpoint(full)')`

async function report(folder: string, contains?: string) {
  const file = await openAuditFile(folder)
  return file.verify(contains).finally(() => file.close())
}

t.test('after kill -9 all is there; without the write-ahead log Astern does not begin anew, and the audit log does not verify', async t => {
  const folder = ledgerFolder(t)
  storeAndDie(folder)
  t.match(await report(folder), { rows: 1, fault: undefined })
  const lost = ledgerFolder(t)
  cpSync(folder, lost, { recursive: true })
  rmSync(join(lost, `${LEDGER_FILE}-wal`))
  rmSync(join(lost, `${LEDGER_FILE}-shm`), { force: true })

  t.match(await report(lost), { rows: 0, fault: { kind: 'cut' } })
  await t.rejects(openSqliteLedger(lost, countingIds()), /held .*ledger\.sqlite-wal.*Put the files back.*remove .*ledger\.head/)
  await t.rejects(openSqliteLedger(lost, countingIds()), /held/, 'a second try does not get through either')
  t.match(await report(lost), { fault: { kind: 'cut' } }, 'and makes no empty ledger that verifies')
  rmSync(join(lost, 'ledger.head'))
  const anew = await openLedger(t, { folder: lost })
  t.same(await anew.unadmitted(10), [], 'a person who says so begins anew')

  const whole = await openLedger(t, { folder })
  t.equal((await whole.unadmitted(10)).length, 1, 'with its log, it goes on')
})

t.test('the ledger’s file removed, or an older copy in its place: the same', async t => {
  const folder = ledgerFolder(t)
  const first = await openLedger(t, { folder })
  await first.receive(deliveryOf([alertOf({ alertname: 'A' })]))
  await first.close()
  const old = ledgerFolder(t)
  cpSync(join(folder, LEDGER_FILE), join(old, LEDGER_FILE))
  const second = await openLedger(t, { folder, ids: { next: () => 'another' } })
  await second.receive(deliveryOf([alertOf({ alertname: 'B' })]))
  await second.close()

  cpSync(join(old, LEDGER_FILE), join(folder, LEDGER_FILE))
  t.match(await report(folder), { rows: 1, fault: { kind: 'cut', seq: 2 } })
  await t.rejects(openSqliteLedger(folder, countingIds()), /held row 2 of its audit log/)
  rmSync(join(folder, LEDGER_FILE))
  await t.rejects(openSqliteLedger(folder, countingIds()), /held row 2 of its audit log/)
  t.match(await report(old), { rows: 1, fault: undefined }, 'a copy alone, in another folder, is a ledger')
  writeFileSync(join(folder, 'ledger.head'), 'garbage')
  await t.rejects(openSqliteLedger(folder, countingIds()), /ledger\.head does not hold the head/)
})

t.test('a log that was cut off after a part of it was moved into the ledger is found by the head that was kept meanwhile', async t => {
  const folder = ledgerFolder(t)
  process.env['LEDGER'] = join(folder, LEDGER_FILE)
  storeAndDie(folder, `${CHECKPOINT}; await store('B'); await ledger.keepHead()`)
  delete process.env['LEDGER']
  t.match(await report(folder), { rows: 2, fault: undefined })
  for (const end of ['-wal', '-shm']) rmSync(join(folder, LEDGER_FILE + end), { force: true })

  t.match(await report(folder), { rows: 1, fault: { kind: 'cut', seq: 2 } })
  await t.rejects(openSqliteLedger(folder, countingIds()), /held row 2 of its audit log/)
})

t.test('a write-ahead log that is removed while Astern runs: what went on into it is missed after a crash', async t => {
  const folder = ledgerFolder(t)
  storeAndDie(
    folder,
    `;(await import('node:fs')).rmSync(${JSON.stringify(join(folder, `${LEDGER_FILE}-wal`))}); await store('B'); await ledger.keepHead()`
  )
  t.match(await report(folder), { fault: { kind: 'cut' } })
  await t.rejects(openSqliteLedger(folder, countingIds()), /held row 2 of its audit log/)
})

t.test('the kept head is never ahead of the disk, nor in the way: restarts, other programs and pruning', async t => {
  const folder = ledgerFolder(t)
  storeAndDie(folder, `await store('B')`)
  // A person looks with another program, whose closing moves the log into the ledger and removes it.
  const other = new DatabaseSync(join(folder, LEDGER_FILE))
  other.exec('select 1 from audit; update switch set reason = reason')
  other.close()
  t.notOk(readdirSync(folder).includes(`${LEDGER_FILE}-wal`))

  const ledger = await openSqliteLedger(folder, countingIds())
  const kept = (): number => (JSON.parse(readFileSync(join(folder, 'ledger.head'), 'utf8')) as { seq: number }).seq
  t.equal(kept(), 2)
  await ledger.receive(deliveryOf([alertOf({ alertname: 'C' })]))
  await ledger.keepHead()
  t.equal(kept(), 3)
  await ledger.close()
  const again = await openSqliteLedger(folder, countingIds())
  await again.prune(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  await again.close()
  const last = await openSqliteLedger(folder, countingIds())
  await last.close()
  t.match(await report(folder), { fault: undefined })
})

t.test('audit verify --contains holds a head that was kept elsewhere against a log whose end was cut off', async t => {
  const folder = ledgerFolder(t)
  const ledger = await openLedger(t, { folder })
  for (const name of ['A', 'B', 'C']) await ledger.receive(deliveryOf([alertOf({ alertname: name })]))
  await ledger.close()
  const { head } = await report(folder)
  t.match(await report(folder, head), { rows: 3, contains: 3, fault: undefined })
  t.match(await report(folder, head.slice(0, 16)), { contains: 3, fault: undefined })
  t.match(await report(folder, 'f'.repeat(64)), { fault: { kind: 'cut', detail: /no row has the hash/ } })

  // Whoever may write to the folder cuts the end off with great care.
  const db = new DatabaseSync(join(folder, LEDGER_FILE))
  db.exec('drop trigger audit_no_update; drop trigger audit_no_delete; delete from audit where seq = 3')
  db.exec('update audit_head set seq = 2, hash = (select hash from audit where seq = 2)')
  db.close()
  rmSync(join(folder, 'ledger.head'))
  t.match(await report(folder), { rows: 2, fault: undefined }, 'by itself the rest is a chain')
  t.match(await report(folder, head), { rows: 2, fault: { kind: 'cut', detail: /no row has the hash/ } })
})

t.test('the files are 0600 in a folder of 0700, whatever was there', async t => {
  const modes = (folder: string): Readonly<Record<string, string>> =>
    Object.fromEntries(['.', ...readdirSync(folder)].map(name => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)] as const))
  const folder = join(ledgerFolder(t), 'data')
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  storeAndDie(folder)
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o666)
  chmodSync(folder, 0o777)
  const umask = process.umask(0)
  const ledger = await openSqliteLedger(folder, countingIds())
  await ledger.receive(deliveryOf([alertOf({ alertname: 'B' })]))
  await ledger.keepHead()

  const { '.': own, ...files } = modes(folder)
  t.equal(own, '700')
  t.ok(Object.keys(files).includes(`${LEDGER_FILE}-wal`))
  t.same(
    Object.entries(files).filter(([, mode]) => mode !== '600'),
    []
  )
  await ledger.close()

  const shared = ledgerFolder(t)
  chmodSync(shared, 0o755)
  writeFileSync(join(shared, 'of-somebody-else'), '')
  chmodSync(join(shared, 'of-somebody-else'), 0o644)
  await (await openSqliteLedger(shared, countingIds())).close()
  t.match(modes(shared), { '.': '755', 'of-somebody-else': '644', [LEDGER_FILE]: '600' }, 'others may need to get into a folder of theirs')
  process.umask(umask)
})

t.test('a full disk says so, and Astern is ready exactly when a delivery is taken', async t => {
  for (let room = 0; room <= 16; room += 1) {
    const file = await openSqliteFile(join(ledgerFolder(t), LEDGER_FILE))
    const { ledger } = await openHandle(file, countingIds())
    t.teardown(() => ledger.close())
    const pages = Number(Object.values(file.prepare('pragma page_count').statement.get() ?? {})[0])
    file.exec(`pragma max_page_count = ${pages + room}`)
    let why = ''
    const takes = (work: Promise<unknown>): Promise<boolean> =>
      work.then(
        () => true,
        (cause: unknown) => {
          why = cause instanceof Error ? cause.message : ''
          return false
        }
      )
    let taken = true
    for (let count = 0; taken; count += 1) {
      const ready = await takes(ledger.checkWritable())
      taken = await takes(ledger.receive(deliveryOf([alertOf({ alertname: `A${count}`, filler: 'x'.repeat(count * 97) })])))
      if (!ready) t.notOk(taken, `${room}: not ready, so nothing is taken`)
    }
    t.match(why, /the disk is full: make room/)
    t.notOk(await takes(ledger.checkWritable()), `${room}: nothing was taken, so not ready`)
    t.notOk(await takes(ledger.checkWritable()), `${room}: and so it stays`)
    file.exec('pragma max_page_count = 1000000')
    t.ok(await takes(ledger.checkWritable()), `${room}: with room again, ready`)
    t.ok(await takes(ledger.receive(deliveryOf([alertOf({ alertname: 'later' })]))))
    t.equal(file.read(`select id from deliveries where id = 'trial'`, []).length, 0, 'what was tried is gone')
  }
})
