import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { PolicyStep } from '../../../src/domain/policy.ts'
import { type Bench, openBench, policyOf } from '../../support/bench.ts'
import { enforced } from '../../support/story-actions.ts'

const step = (action: string, options = {}): PolicyStep => ({
  action,
  with: options,
  confirm: { within: 10 * MINUTE, passes: 3, every: 30_000 }
})

/** A run that suspended a GitOps owner and helped, so that only the suspension is left: people must resume it. */
async function suspended(t: Parameters<typeof openBench>[0]): Promise<Bench> {
  const steps = [step('gitops-suspend', { remindEvery: '7m' }), step('rollout-undo')]
  const bench = await openBench(t, { policies: [policyOf({ steps })] })
  enforced(bench.cluster)
  await bench.fire()
  await bench.look()
  return bench
}

/** Lets time pass in steps, delivers what is due, and answers with what people heard of the loan. */
async function heard(bench: Bench, minutes: number): Promise<readonly string[]> {
  const titles: string[] = []
  for (let passed = 0; passed < minutes; passed += 1) {
    await bench.pass(MINUTE)
    const now = bench.clock.now()
    for (const queued of await bench.ledger.claimMessages(now, now + MINUTE, 100)) {
      await bench.ledger.messageSent(queued, { kind: 'delivered' }, now + SECOND, now)
      const { subject, channel, event, title } = queued.message
      if (subject.kind === 'loan' && channel === 'people') titles.push(`${event}: ${title.replace(/^.*: /, '')}`)
    }
  }
  return titles
}

t.test('people are reminded of a suspension until they end it, whatever becomes of the alert', async t => {
  // Given a suspension that people were reminded of once, and an alert that goes away after that.
  const bench = await suspended(t)
  t.same(await heard(bench, 8), ['needs-people: reminder 1'])
  bench.value = 0.001
  await bench.resolve()

  // Then they go on being reminded, and nobody says that nobody needs to look.
  t.same(await heard(bench, 21), ['needs-people: reminder 2', 'needs-people: reminder 3', 'needs-people: reminder 4'])

  // When somebody resumes it they hear that this is over, so that a page is closed, and no more.
  enforced(bench.cluster)
  t.same(await heard(bench, 20), ['over: taken back'])
  t.equal((await bench.audit('loan-returned')).length, 1)
})

t.test('a suspension that people ended before they were reminded of it is told nobody', async t => {
  const bench = await suspended(t)
  enforced(bench.cluster)
  t.same(await heard(bench, 20), [])
  t.equal((await bench.audit('loan-returned')).length, 1)
})
