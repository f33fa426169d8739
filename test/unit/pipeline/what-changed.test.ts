import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { DeployMarker } from '../../../src/domain/change.ts'
import type { Message } from '../../../src/domain/message.ts'
import { type Bench, openBench, policyOf } from '../../support/bench.ts'
import { NOON } from '../../support/workloads.ts'

const MARKER: DeployMarker & { readonly of: string } = {
  id: 'm1',
  at: NOON - 4 * MINUTE,
  version: 'v2',
  commit: '4f2c9e1',
  author: 'ann',
  url: 'https://git.example.org/shop/api/commit/4f2c9e1',
  by: 'shop-pipeline',
  of: 'Deployment/shop/api'
}

/** Delivers all that is due, and gives it back. */
async function sent(bench: Bench): Promise<readonly Message[]> {
  const now = bench.clock.now() + MINUTE
  const all: Message[] = []
  for (;;) {
    const due = await bench.ledger.claimMessages(now, now + MINUTE, 100)
    if (due.length === 0) return all
    for (const queued of due) await bench.ledger.messageSent(queued, { kind: 'delivered' }, now, now)
    all.push(...due.map(({ message }) => message))
  }
}

t.test('a message about a write says what changed: old and new image, and what CI claimed', async t => {
  const bench = await openBench(t)
  Object.assign(bench.ports, { channels: { takes: () => true, follows: () => false, standing: [] } })
  await bench.ledger.recordMarker(MARKER, [])
  await bench.fire()
  await bench.pass(25 * MINUTE)
  // The second is of the end, and knows it from the intent in the ledger.
  const [acted, ended] = await sent(bench)
  const { of: _of, id: _id, at: _at, ...told } = MARKER
  const changed = { at: String, differs: ['image of api: app:v1 → app:v2'], markers: [told] }
  t.match(acted, { event: 'acted', details: { wrote: Boolean, changed } })
  t.match(ended, { event: 'needs-people', details: { wrote: true, changed } })
})

t.test('so does one about a run that was refused', async t => {
  const bench = await openBench(t, { policies: [policyOf({ changedWithin: 30 * SECOND })] })
  await bench.ledger.recordMarker(MARKER, [])
  await bench.fire()
  await bench.pass(25 * MINUTE)
  const [told] = await sent(bench)
  t.match(told, { event: 'needs-people', details: { wrote: false, reason: String } })
  t.match(told?.details['changed'], { markers: [{ version: 'v2', by: 'shop-pipeline' }] })
})
