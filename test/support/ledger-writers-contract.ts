import type { Test } from 'tap'
import { MINUTE, SECOND } from '../../src/base/clock.ts'
import { type AuditRow, auditText, CHAIN_START, chainHash } from '../../src/domain/audit.ts'
import { audited } from '../../src/domain/audited.ts'
import type { QueuedMessage } from '../../src/domain/message.ts'
import type { Ledger } from '../../src/domain/ports/ledger.ts'
import type { Claim } from '../../src/domain/run.ts'
import { requestedRun } from '../../src/pipeline/decide/requested-run.ts'
import { policyOf } from './bench.ts'
import { alertOf, deliveryOf } from './deliveries.ts'
import { intentRequest, messageOf, opened, SYMPTOM, withRun } from './ledger-fixture.ts'
import { NOON, TARGET } from './workloads.ts'

type Handles = readonly [Ledger, Ledger]

const askedBy = (by: string) => ({ kind: 'request', id: by, by, at: NOON, target: TARGET }) as const

/** Names of that many alerts, policies or targets. */
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `N${index}`)

/** Each item on the handle whose turn it is, all at the same time. */
function spread<T, R>(handles: Handles, items: readonly T[], work: (ledger: Ledger, item: T) => Promise<R>): Promise<R[]> {
  return Promise.all(items.map((item, index) => work(handles[index % 2 === 0 ? 0 : 1], item)))
}

/** Runs of these names, each on a target of its own or all on one, claimed by one owner. */
async function claimedRuns(ledger: Ledger, of: readonly string[], targets: 'one target' | 'own targets'): Promise<readonly Claim[]> {
  for (const name of of) await withRun(ledger, name, targets === 'one target' ? TARGET : { ...TARGET, name })
  return (await ledger.claimDue('one', NOON, 10 * MINUTE, of.length)).map(claimed => claimed.claim)
}

/** The part of the suite that two handles on one database must keep, whatever they do at the same time. */
export async function severalWriters(t: Test, open: (t: Test) => Promise<Handles>): Promise<void> {
  await t.test('one new alert that both receive is one incident: opened here, a heartbeat there', async t => {
    const handles = await open(t)
    for (const name of names(10)) {
      const answers = (
        await spread(handles, ['here', 'there'], ledger => ledger.receive(deliveryOf([alertOf({ alertname: name })])))
      ).flat()
      t.same(answers.map(answer => answer.state).sort(), ['heartbeat', 'opened'])
      t.equal(answers[0]?.id, answers[1]?.id)
    }
    t.equal((await handles[0].unadmitted(100)).length, 10)
  })

  await t.test('many deliveries at once: each alert is opened once', async t => {
    const handles = await open(t)
    const deliveries = Array.from({ length: 60 }, (_, index) => deliveryOf([alertOf({ alertname: `A${index % 15}` })]))
    const answers = (await spread(handles, deliveries, (ledger, delivery) => ledger.receive(delivery))).flat()
    t.equal(answers.filter(answer => answer.state === 'opened').length, 15)
    t.equal(answers.filter(answer => answer.state === 'heartbeat').length, 45)
  })

  await t.test('an incident that both admit has one run', async t => {
    const handles = await open(t)
    const incident = await opened(handles[0], 'A')
    await spread(handles, ['first', 'second'], (ledger, id) =>
      ledger.admit([{ incident, at: NOON, run: { id, policy: policyOf(), ceiling: 'auto' }, audit: [] }])
    )
    t.equal((await handles[0].runs({}, undefined, 10)).items.length, 1)
  })

  await t.test('two people who ask for the same at once get one run', async t => {
    const handles = await open(t)
    const asks = names(10).map(id => requestedRun({ id, kind: 'live', policy: policyOf(), ceiling: 'auto', trigger: askedBy(id) }))
    const answers = await spread(handles, asks, (ledger, run) => ledger.begin(run, 'undo\nDeployment/shop/api', []))
    t.equal(answers.filter(answer => answer.state === 'started').length, 1)
    t.equal(new Set(answers.map(answer => answer.id)).size, 1, 'whoever came second is answered the first')
    t.equal((await handles[1].runs({}, undefined, 20)).items.length, 1)
  })

  await t.test('runs are claimed once', async t => {
    const handles = await open(t)
    for (const name of names(8)) await withRun(handles[0], name)
    const claimed = (await spread(handles, ['one', 'two'], (ledger, owner) => ledger.claimDue(owner, NOON, MINUTE, 8))).flat()
    t.same(
      claimed.map(one => one.run.id).sort(),
      names(8).map(name => `run-${name}`)
    )
  })

  await t.test('a claim that ran out, and was taken by another handle, saves and writes nothing more', async t => {
    const [first, second] = await open(t)
    await withRun(first)
    const [late] = await first.claimDue('one', NOON, MINUTE, 1)
    const [held] = await second.claimDue('two', NOON + MINUTE, MINUTE, 1)
    if (late === undefined || held === undefined) throw new Error('nothing was due')
    const [saved, intent, other] = await Promise.all([
      first.save(late.claim, { change: { state: 'ended', outcome: 'failed' }, audit: [] }, NOON + MINUTE),
      first.claimIntent(late.claim, intentRequest('late')),
      second.claimIntent(held.claim, intentRequest('held'))
    ])
    t.same([saved, intent.kind, other.kind], [false, 'lost', 'stored'])
  })

  await t.test('one run works on a target: of those that want it at once, one has it', async t => {
    const handles = await open(t)
    const claims = await claimedRuns(handles[0], names(6), 'one target')
    const results = await spread(handles, claims, (ledger, claim) => ledger.claimIntent(claim, intentRequest(`i-${claim.runId}`)))
    const stored = results.flatMap(result => (result.kind === 'stored' ? [result.intent.runId] : []))
    t.equal(stored.length, 1)
    t.same(
      results.filter(result => result.kind !== 'stored'),
      Array.from({ length: 5 }, () => ({ kind: 'busy', by: stored[0] }))
    )
  })

  await t.test('a budget is never exceeded, whoever asks at the same time', async t => {
    const handles = await open(t)
    const claims = await claimedRuns(handles[0], names(10), 'own targets')
    const results = await spread(handles, claims, (ledger, claim) =>
      ledger.claimIntent(
        claim,
        intentRequest(`i-${claim.runId}`, {
          plan: { target: { ...TARGET, name: claim.runId } },
          budgets: [{ limit: 3, per: 60 * MINUTE, scope: 'global' }]
        })
      )
    )
    t.equal(results.filter(result => result.kind === 'stored').length, 3)
    t.equal(results.filter(result => result.kind === 'budget').length, 7)
  })

  await t.test('the chain verifies, whoever appends at the same time', async t => {
    const handles = await open(t)
    await spread(handles, names(60), (ledger, by) => ledger.append([audited.switch({ at: NOON }, { mode: 'auto', reason: 'test', by })]))
    const rows = await handles[1].audit({}, 1_000)
    t.equal(rows.length, 60)
    t.equal(new Set(rows.map(row => (row.kind === 'switch' ? row.body.by : ''))).size, 60)
    t.same(brokenLinks(rows), [])
  })

  await t.test('a storm is begun once', async t => {
    const handles = await open(t)
    const claims = await claimedRuns(handles[0], names(8), 'own targets')
    const storm = { targets: 4, within: 5 * MINUTE, calm: 10 * MINUTE }
    await spread(handles, claims, (ledger, claim) => ledger.save(claim, { change: { symptom: SYMPTOM }, storm, audit: [] }, NOON))
    t.equal((await handles[0].audit({}, 1_000)).filter(row => row.kind === 'storm').length, 1)
    t.equal((await handles[0].storm(NOON))?.count, 8)
    t.same(await handles[1].storm(NOON), await handles[0].storm(NOON))
  })

  await t.test('a message that both enqueue is one message', async t => {
    const handles = await open(t)
    const claims = await claimedRuns(handles[0], names(2), 'own targets')
    await spread(handles, claims, (ledger, claim) => ledger.save(claim, { change: {}, audit: [], messages: [messageOf()] }, NOON))
    t.equal(await handles[0].undelivered(), 1)
  })

  await t.test('a message is claimed once, and by another only when the lease ran out', async t => {
    const handles = await open(t)
    const [first, second] = handles
    const [claim] = await claimedRuns(first, ['A'], 'one target')
    if (claim === undefined) throw new Error('nothing was due')
    const until = NOON + MINUTE
    await first.save(
      claim,
      { change: {}, audit: [], messages: names(5).map(key => messageOf({ key, subject: { kind: 'run', id: key } })) },
      NOON
    )
    const claimed = (await spread(handles, [1, 2], ledger => ledger.claimMessages(NOON, until, 10))).flat()
    t.same(claimed.map(queued => queued.message.key).sort(), names(5))
    t.same(await second.claimMessages(until - 1, until + MINUTE, 10), [])
    t.equal(await second.nextMessageAt(), until, 'whoever waits for the next one waits for the lease')

    const again = await second.claimMessages(until, until + MINUTE, 10)
    t.equal(again.length, 5, 'nobody settled them: they are sent again')
    const [late, held] = [one(claimed, 'N0'), one(again, 'N0')]
    await first.messageSent(late, { kind: 'failed', detail: '503' }, until, until)
    t.same(await first.claimMessages(until + SECOND, until + 2 * MINUTE, 10), [], 'a late failure gives nothing free')
    await second.messageSent(held, { kind: 'delivered' }, until, until + SECOND)
    t.equal(await first.undelivered(), 4)
    await first.messageSent(one(claimed, 'N1'), { kind: 'delivered' }, until, until + SECOND)
    t.equal(await first.undelivered(), 3, 'a late delivery is one')
  })

  await t.test('an update of a message that is being sent goes out at once after it', async t => {
    const [first, second] = await open(t)
    const [claim] = await claimedRuns(first, ['A'], 'one target')
    if (claim === undefined) throw new Error('nothing was due')
    await first.save(claim, { change: {}, audit: [], messages: [messageOf()] }, NOON)
    const [sending] = await second.claimMessages(NOON, NOON + MINUTE, 10)
    if (sending === undefined) throw new Error('no message')
    await first.save(claim, { change: {}, audit: [], messages: [messageOf({ text: 'y' })] }, NOON + SECOND)
    t.same(await first.claimMessages(NOON + SECOND, NOON + MINUTE, 10), [], 'not beside the one that is under way')
    await second.messageSent(sending, { kind: 'delivered' }, NOON + 2 * SECOND, NOON + 2 * SECOND)
    t.match(await first.claimMessages(NOON + 2 * SECOND, NOON + MINUTE, 10), [{ revision: 2, message: { text: 'y' } }])
  })

  await t.test('loans are claimed once', async t => {
    const handles = await open(t)
    const claims = await claimedRuns(handles[0], names(5), 'own targets')
    const write = { kind: 'json-patch', path: '/x', operations: [], mark: 'none' } as const
    for (const claim of claims) {
      const id = `i-${claim.runId}`
      const loan = { kind: 'return', summary: 's', after: MINUTE, atMost: MINUTE, write } as const
      await handles[0].claimIntent(claim, intentRequest(id, { plan: { target: { ...TARGET, name: claim.runId }, loan } }))
      await handles[0].save(claim, { change: { state: 'watching', wrote: true }, audit: [], intent: { id, state: 'applied' } }, NOON)
    }
    const loans = (await spread(handles, [1, 2], ledger => ledger.claimLoans(NOON + MINUTE, NOON + 3 * MINUTE, 10))).flat()
    t.same(
      loans.map(loan => loan.runId).sort(),
      names(5).map(name => `run-${name}`)
    )
  })
}

function one(messages: readonly QueuedMessage[], key: string): QueuedMessage {
  const found = messages.find(queued => queued.message.key === key)
  if (found === undefined) throw new Error(`nobody claimed ${key}`)
  return found
}

/** The rows that do not follow the one before. */
function brokenLinks(rows: readonly AuditRow[]): readonly AuditRow[] {
  return rows.filter((row, index) => {
    const previous = rows[index - 1]?.hash ?? CHAIN_START
    return row.seq !== index + 1 || row.previous !== previous || row.hash !== chainHash(previous, row.seq, auditText(row))
  })
}
