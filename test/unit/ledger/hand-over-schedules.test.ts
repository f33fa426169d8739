import fc from 'fast-check'
import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { HandedOver } from '../../../src/domain/hand-over.ts'
import type { Message, QueuedMessage } from '../../../src/domain/message.ts'
import { OVER_AFTER_MS } from '../../../src/ledger/affair-turns.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { messageOf, withRun } from '../../support/ledger-fixture.ts'
import { ledgerFolder, openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

/** What happens: to the run, to its alert, what people press, to a sending, and to the process. */
const HAPPENS = [
  'acted',
  'needs-people',
  'resolved',
  'firing',
  'ada-takes',
  'ada-stops',
  'bob-takes',
  'delivered',
  'failed',
  'lost',
  'died',
  'restart',
  'wait'
] as const

const RUNS = Number(process.env['ASTERN_SCHEDULES'] ?? 40)
const PEOPLE = { ada: { by: 'Ada', via: 'slack', person: 'T0/UADA' }, bob: { by: 'Bob', via: 'slack', person: 'T0/UBOB' } } as const

t.test(
  'whatever happens, in whatever order, one person has it, every channel says so, and nobody is called after that',
  { timeout: 600_000 },
  async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...HAPPENS), { minLength: 3, maxLength: 25 }), async schedule => {
        const folder = ledgerFolder(t)
        let ledger = await openLedger(t, { folder })
        const incident = await withRun(ledger)
        let [run] = await ledger.claimDue('one', NOON, 365 * 24 * HOUR, 10)
        if (run === undefined) throw new Error('nothing was due')
        let now = NOON
        let count = 0
        let alertFires = true
        /** Who had it first. */
        let has: string | undefined
        let told = false
        let takenAt = Number.POSITIVE_INFINITY
        const shown: Message[] = []
        const sent = async (how: 'delivered' | 'failed' | 'lost' | 'died'): Promise<number> => {
          const due: readonly QueuedMessage[] = await ledger.claimMessages(now, now + MINUTE, 10)
          for (const queued of due) {
            if (how === 'delivered' || how === 'lost') shown.push(queued.message)
            if (how === 'delivered') await ledger.messageSent(queued, { kind: 'delivered' }, now, now)
            else if (how !== 'died') await ledger.messageSent(queued, { kind: 'failed', detail: how }, now + SECOND, now)
          }
          return due.length
        }
        const take = async (who: keyof typeof PEOPLE, more: Partial<HandedOver> = {}): Promise<void> => {
          const answer = await ledger.handOver({ runId: 'run-A', to: { ...PEOPLE[who], at: now, ...more }, channels: ['people'] })
          has ??= PEOPLE[who].by
          takenAt = Math.min(takenAt, count)
          t.equal(answer.kind, has === PEOPLE[who].by ? 'handed' : 'taken', schedule.join(' '))
        }
        for (const happens of schedule) {
          now += 40 * SECOND
          count += 1
          switch (happens) {
            case 'acted':
            case 'needs-people': {
              const message = messageOf({
                ...{ key: `k${count}`, event: happens, incidentId: incident.id, group: `g${count}` },
                subject: { kind: 'run', id: 'run-A' }
              })
              await ledger.save(run.claim, { change: {}, audit: [], messages: [message] }, now)
              told ||= happens === 'acted' || has === undefined
              break
            }
            case 'resolved':
            case 'firing': {
              if (alertFires === (happens === 'firing')) break
              alertFires = happens === 'firing'
              const alert = { ...alertOf({ alertname: 'A' }), status: happens, ...(happens === 'resolved' ? { endsAt: now } : {}) }
              await ledger.receive({ ...deliveryOf([alert]), receivedAt: now })
              break
            }
            case 'ada-takes':
              await take('ada')
              break
            case 'ada-stops':
              await take('ada', { stop: true })
              break
            case 'bob-takes':
              await take('bob')
              break
            case 'wait':
              now += 3 * MINUTE
              break
            case 'restart':
              await ledger.close()
              ledger = await openLedger(t, { folder })
              // Whoever starts takes up what the process before worked on.
              ;[run = run] = await ledger.claimDue('one', now, 365 * 24 * HOUR, 10)
              break
            case 'delivered':
            case 'failed':
            case 'lost':
            case 'died':
              await sent(happens)
          }
        }
        for (let quiet = 0; quiet < 3; ) {
          now += OVER_AFTER_MS
          quiet = (await sent('delivered')) === 0 ? quiet + 1 : 0
        }
        const story = schedule.join(' ')
        t.equal((await ledger.handedOver('run-A'))?.by, has, story)
        const audit = (await ledger.audit({ runId: 'run-A' }, 1_000)).filter(row => row.kind === 'handed-over')
        t.ok(audit.length <= 2 && audit.every(row => row.body.by === has), story)
        const last = shown.at(-1)
        t.equal(last !== undefined, told, story)
        if (told && has !== undefined) t.match(last, { details: { handedOver: { by: has } } }, story)
        const calls = shown.filter(({ event, key }) => event === 'needs-people' && Number(/^k(\d+)$/.exec(key)?.[1] ?? -1) > takenAt)
        t.same(calls, [], story)
        await ledger.close()
      }),
      { numRuns: RUNS }
    )
  }
)
