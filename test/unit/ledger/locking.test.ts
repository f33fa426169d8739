import { join } from 'node:path'
import { type SelectQueryBuilder, sql } from 'kysely'
import t, { type Test } from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { audited } from '../../../src/domain/audited.ts'
import type { Ledger } from '../../../src/domain/ports/ledger.ts'
import { createLedger } from '../../../src/ledger/ledger.ts'
import { LEDGER_FILE, openSqliteFile } from '../../../src/ledger/sqlite/file.ts'
import { openHandle } from '../../../src/ledger/sqlite/handle.ts'
import type { Tables } from '../../../src/ledger/tables.ts'
import { policyOf } from '../../support/bench.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { intentRequest, messageOf, opened, SYMPTOM, withRun } from '../../support/ledger-fixture.ts'
import { countingIds, ledgerFolder } from '../../support/open-ledger.ts'
import { NOON, TARGET } from '../../support/workloads.ts'

/** A ledger that tells which tables it read with a lock, in order: SQLite has no words for it, so they stand in a comment. */
async function watchedLedger(t: Test): Promise<{ readonly ledger: Ledger; lockedBy(work: () => Promise<unknown>): Promise<string[]> }> {
  const file = await openSqliteFile(join(ledgerFolder(t), LEDGER_FILE))
  const sent: string[] = []
  const ids = countingIds()
  const { database } = await openHandle(
    {
      ...file,
      prepare(text) {
        sent.push(text)
        return file.prepare(text)
      }
    },
    ids
  )
  const said =
    (word: string) =>
    <Table extends keyof Tables, Row>(query: SelectQueryBuilder<Tables, Table, Row>) =>
      query.modifyEnd(sql.raw(`/* ${word} */`))
  const ledger = createLedger(
    {
      ...database,
      transaction: work => database.transaction(tx => work({ ...tx, locked: said('locked'), unclaimed: said('unclaimed') }))
    },
    ids
  )
  t.teardown(() => ledger.close())
  return {
    ledger,
    async lockedBy(work) {
      sent.length = 0
      await work()
      return sent.flatMap(text => {
        const [before = '', word] = text.split(/\/\* (locked|unclaimed) \*\//)
        return word === undefined ? [] : [`${word} ${[...before.matchAll(/from "(\w+)"/g)].at(-1)?.[1]}`]
      })
    }
  }
}

t.test('whoever decides by what it read locks that first: every database needs it, and SQLite alone would not show it', async t => {
  const { ledger, lockedBy } = await watchedLedger(t)
  const storm = { targets: 4, within: 5 * MINUTE, calm: 10 * MINUTE }

  t.same(
    await lockedBy(() => ledger.append([audited.switch({ at: NOON }, { mode: 'auto', reason: 'test', by: 'ann' })])),
    ['locked audit_head'],
    'the end of the chain'
  )
  t.same(await lockedBy(() => ledger.prune(NOON, NOON)), ['locked audit_head'])
  t.same(await lockedBy(() => ledger.receive(deliveryOf([alertOf({ alertname: 'new' })]))), ['locked raw_kept', 'locked audit_head'])

  const incident = await opened(ledger, 'B')
  const started = audited.runStarted({ at: NOON, runId: 'run-B' }, { policy: 'undo', mode: 'auto', labels: {} })
  const run = { id: 'run-B', policy: policyOf(), ceiling: 'auto' as const, target: { ...TARGET, name: 'b' } }
  t.same(
    await lockedBy(() => ledger.admit([{ incident, at: NOON, run, audit: [started] }])),
    ['locked incidents', 'locked audit_head'],
    'who admits'
  )

  await withRun(ledger)
  t.same(await lockedBy(() => ledger.claimDue('one', NOON + MINUTE, MINUTE, 10)), ['locked turns', 'locked turns', 'unclaimed runs'])
  const claim = { runId: 'run-A', owner: 'one', fence: 1 }
  const budgets = [{ limit: 3, per: 60 * MINUTE, scope: 'global' as const }]
  const request = intentRequest('i', { budgets })
  const intent = { ...request, audit: [audited.intent({ at: NOON }, request)] }
  t.same(await lockedBy(() => ledger.claimIntent(claim, intent)), ['locked runs', 'locked turns', 'locked turns', 'locked audit_head'])
  t.same(await lockedBy(() => ledger.countSend(claim, 'i')), ['locked runs'])
  t.same(await lockedBy(() => ledger.save(claim, { change: {}, audit: [], messages: [messageOf()] }, NOON)), [
    'locked runs',
    'locked affairs'
  ])
  t.same(
    await lockedBy(() => ledger.save(claim, { change: {}, audit: [], messages: [messageOf({ text: 'y' })] }, NOON)),
    ['locked runs', 'locked outbox'],
    'the revision of a message that is there'
  )
  t.same(await lockedBy(() => ledger.claimMessages(NOON + MINUTE, NOON + 2 * MINUTE, 10)), ['unclaimed outbox'])

  const write = { kind: 'json-patch', path: '/x', operations: [], mark: 'none' } as const
  const loan = { kind: 'return', summary: 's', after: MINUTE, atMost: MINUTE, write } as const
  const borrower = { runId: 'run-B', owner: 'one', fence: 1 }
  t.same(
    await lockedBy(() => ledger.save(borrower, { change: { symptom: SYMPTOM }, storm, audit: [] }, NOON)),
    ['locked runs', 'locked turns'],
    'who counts for a storm'
  )
  await ledger.claimIntent(borrower, intentRequest('j', { plan: { target: { ...TARGET, name: 'b' }, loan } }))
  await ledger.save(borrower, { change: { state: 'watching' }, audit: [], intent: { id: 'j', state: 'applied' } }, NOON)
  t.same(await lockedBy(() => ledger.claimLoans(NOON + 2 * MINUTE, NOON + 3 * MINUTE, 10)), ['unclaimed loans'])

  const live = await ledger.run('run-A')
  if (live === undefined) throw new Error('no run')
  t.same(await lockedBy(() => ledger.saveDryRun({ ...live, id: 'dry', kind: 'dry-run' }, [])), ['locked runs'])
})
