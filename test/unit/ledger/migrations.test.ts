import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openAuditFile } from '../../../src/ledger/sqlite/audit-file.ts'
import { LEDGER_FILE } from '../../../src/ledger/sqlite/file.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { messageOf, withRun } from '../../support/ledger-fixture.ts'
import { ledgerFolder, openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

t.test('a ledger of the first version is brought to this one, with what is in it', async t => {
  const folder = ledgerFolder(t)
  const before = await openLedger(t, { folder })
  await withRun(before)
  const [claimed] = await before.claimDue('one', NOON, 60_000, 1)
  if (claimed === undefined) throw new Error('nothing was due')
  await before.save(claimed.claim, { change: {}, audit: [], messages: [messageOf()] }, NOON)
  await before.close()
  const old = new DatabaseSync(join(folder, LEDGER_FILE))
  old.exec(`
    drop index runs_asked_once; alter table runs drop column trigger_json; alter table runs drop column asked_key;
    alter table runs add column incident_json text; alter table incidents add column request_json text;
    alter table runs drop column symptom_json; drop index incidents_verified; drop index incidents_verified_by_time;
    alter table incidents drop column verified_at; alter table incidents drop column symptom_since;
    drop index incidents_later_start; alter table incidents drop column later_start; alter table incidents drop column later_start_look;
    alter table runs drop column ceiling;
    drop table deploy_guards; drop table guard_learned; drop table looks; drop table turns; alter table outbox drop column claimed_until;
    drop table queues; drop index runs_ready; drop index runs_ready_lanes; drop index runs_not_over; drop index runs_parked; drop index runs_confirmed;
    drop index runs_due; create index runs_due on runs (next_at) where state <> 'ended';
    drop index incidents_unadmitted; drop index incidents_in_line; drop index incidents_in_line_lanes; drop index outbox_groups;
    create index incidents_unadmitted on incidents (opened_at) where admitted_at is null;
    alter table runs drop column source; alter table runs drop column escalates_at; alter table runs drop column ready;
    alter table runs drop column turn; alter table runs drop column confirmed; alter table runs drop column parked_by;
    drop index runs_not_sampled; alter table runs drop column held_since;
    alter table incidents add column target_uid text;
    alter table incidents drop column turn; alter table outbox drop column group_key; alter table outbox drop column grouped_json;
    update outbox set message_json = '{"key":"k","channel":"people","kind":"escalation","runId":"run-A"}';
    alter table incidents add column labels_json text;
    update incidents set labels_json = (select labels_json from label_sets where label_sets.source = incidents.source and label_sets.identity = incidents.identity);
    drop table label_sets; drop table raw_kept; drop table deliveries;
    create table deliveries (id text primary key, received_at bigint not null, source text not null, raw text not null);
    create index deliveries_by_time on deliveries (received_at);
    insert into deliveries (id, received_at, source, raw) values ('d-old', ${NOON}, 'am', '{"é":1}');
    drop index outbox_in_order; drop index outbox_untold; drop index affairs_by_state; drop table affairs; drop table affair_incidents;
    drop table heard; drop table blindness;
    drop table channel_pauses; alter table outbox drop column affair; alter table outbox drop column place;
    alter table outbox drop column fell_back;
    delete from kysely_migration where name > '0001-first'`)
  old.close()

  const ledger = await openLedger(t, { folder })

  t.match(await ledger.claimMessages(NOON, NOON + 60_000, 10), [
    { message: { key: 'k', subject: { kind: 'run', id: 'run-A' }, event: 'needs-people' } }
  ])
  t.match(await ledger.receive(deliveryOf([alertOf({ alertname: 'A' })])), [{ state: 'heartbeat' }])
  t.match(await ledger.run('run-A'), { state: 'waiting', trigger: { incident: { labels: { alertname: 'A' } } } })
  const file = await openAuditFile(folder)
  t.equal(Buffer.from((await file.delivery('d-old')) ?? []).toString(), '{"é":1}', 'the raw copy is still what was sent')
  await file.close()
})
