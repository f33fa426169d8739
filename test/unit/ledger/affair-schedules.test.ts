import fc from 'fast-check'
import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { QueuedMessage } from '../../../src/domain/message.ts'
import { OVER_AFTER_MS } from '../../../src/ledger/affair-turns.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { messageOf, withRun } from '../../support/ledger-fixture.ts'
import { openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

/** What happens: to the affair, to a sending, or to the process that sends. `lost`: the channel took it, and its answer did not arrive. */
const HAPPENS = ['acted', 'needs-people', 'update', 'over', 'resolved', 'firing', 'delivered', 'failed', 'lost', 'died', 'wait'] as const

/** How many schedules; each is a ledger on a disk. */
const RUNS = Number(process.env['ASTERN_SCHEDULES'] ?? 40)

t.test('whatever happens, in whatever order, an affair ends in a channel in the state that it is in', { timeout: 600_000 }, async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...HAPPENS), { minLength: 3, maxLength: 25 }), async schedule => {
      const ledger = await openLedger(t)
      const incident = await withRun(ledger)
      const [run] = await ledger.claimDue('one', NOON, 365 * 24 * HOUR, 10)
      if (run === undefined) throw new Error('nothing was due')
      let now = NOON
      let count = 0
      // As a pager would: one page, which is open or not. And what the affair itself is.
      let page = false
      let wanted = false
      let alertFires = true
      let byAlert = false
      const take = ({ message }: QueuedMessage): void => {
        if (message.event === 'needs-people') page = true
        if (message.event === 'over') page = false
      }
      const sent = async (how: 'delivered' | 'failed' | 'lost' | 'died'): Promise<number> => {
        const due = await ledger.claimMessages(now, now + MINUTE, 10)
        for (const queued of due) {
          if (how === 'delivered' || how === 'lost') take(queued)
          if (how === 'delivered') await ledger.messageSent(queued, { kind: 'delivered' }, now, now)
          else if (how !== 'died') await ledger.messageSent(queued, { kind: 'failed', detail: how }, now + SECOND, now)
        }
        return due.length
      }
      for (const happens of schedule) {
        now += 40 * SECOND
        count += 1
        switch (happens) {
          case 'acted':
          case 'needs-people':
          case 'over':
            await ledger.save(
              run.claim,
              { change: {}, audit: [], messages: [messageOf({ key: `k${count}`, event: happens, incidentId: incident.id })] },
              now
            )
            if (happens === 'needs-people') [wanted, byAlert] = [true, false]
            if (happens === 'over') [wanted, byAlert] = [false, false]
            break
          case 'update':
            await ledger.save(
              run.claim,
              { change: {}, audit: [], messages: [messageOf({ key: 'list', event: 'acted', text: `${count}` })] },
              now
            )
            break
          case 'resolved':
          case 'firing': {
            if (alertFires === (happens === 'firing')) break
            alertFires = happens === 'firing'
            const alert = { ...alertOf({ alertname: 'A' }), status: happens, ...(happens === 'resolved' ? { endsAt: now } : {}) }
            await ledger.receive({ ...deliveryOf([alert]), receivedAt: now })
            if (!alertFires && wanted) [wanted, byAlert] = [false, true]
            else if (alertFires && byAlert) [wanted, byAlert] = [true, false]
            break
          }
          case 'wait':
            now += 3 * MINUTE
            break
          case 'delivered':
          case 'failed':
          case 'lost':
          case 'died':
            await sent(happens)
        }
      }
      // The channel is well again, and time goes by.
      for (let quiet = 0; quiet < 3; ) {
        now += OVER_AFTER_MS
        quiet = (await sent('delivered')) === 0 ? quiet + 1 : 0
      }
      await ledger.close()
      t.equal(await Promise.resolve(page), wanted, schedule.join(' '))
    }),
    { numRuns: RUNS }
  )
})
