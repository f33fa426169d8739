import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { intentRequest, messageOf, withRun } from '../../support/ledger-fixture.ts'
import { ledgerFolder, openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

t.test('what a process had claimed that died is free at once for the next one on the folder', async t => {
  const folder = ledgerFolder(t)
  const before = await openLedger(t, { folder })
  await withRun(before)
  const [claimed] = await before.claimDue('one', NOON, 60 * MINUTE, 1)
  if (claimed === undefined) throw new Error('nothing was due')
  await before.claimIntent(claimed.claim, intentRequest('i'))
  await before.save(claimed.claim, { change: {}, audit: [], messages: [messageOf()] }, NOON)
  t.equal((await before.claimMessages(NOON, NOON + 60 * MINUTE, 1)).length, 1)
  const live = claimed.run
  await before.saveDryRun({ ...live, id: 'dry', kind: 'dry-run' }, [])
  await before.saveDryRun({ ...live, id: 'over', kind: 'dry-run' }, [])
  await before.saveDryRun({ ...live, id: 'over', kind: 'dry-run', state: 'ended', outcome: 'denied', endedAt: NOON }, [])
  await before.close()

  const after = await openLedger(t, { folder })

  t.match(await after.claimDue('two', NOON, MINUTE, 1), [{ run: { id: 'run-A', state: 'executing' } }], 'it goes on where it was')
  t.match(await after.claimMessages(NOON, NOON + MINUTE, 1), [{ message: { key: 'k' } }], 'people do not wait for the lease')
  t.match(await after.run('dry'), { state: 'ended', outcome: 'unknown', detail: 'Astern was stopped while it sampled' })
  t.match(await after.run('over'), { state: 'ended', outcome: 'denied' }, 'what had ended stays as it ended')
})

t.test('a dry run that has ended ends only once', async t => {
  const ledger = await openLedger(t)
  await withRun(ledger)
  const live = await ledger.run('run-A')
  if (live === undefined) throw new Error('no run')
  const dry = { ...live, id: 'dry', kind: 'dry-run' as const, state: 'ended' as const, outcome: 'denied' as const, endedAt: NOON }
  await ledger.saveDryRun(dry, [])
  await t.rejects(ledger.saveDryRun({ ...dry, outcome: 'dry-run' }, []), /cannot go from ended to ended/)
})
