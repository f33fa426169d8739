import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import type { Alert } from '../../../src/domain/incident.ts'
import type { Delivered, Message, QueuedMessage } from '../../../src/domain/message.ts'
import type { Ledger } from '../../../src/domain/ports/ledger.ts'
import type { Claim } from '../../../src/domain/run.ts'
import { OVER_AFTER_MS } from '../../../src/ledger/affair-turns.ts'
import { LEDGER_FILE, openSqliteFile } from '../../../src/ledger/sqlite/file.ts'
import { openHandle } from '../../../src/ledger/sqlite/handle.ts'
import { retryAt } from '../../../src/notify/sender.ts'
import { StoryClock } from '../../support/bench.ts'
import { type Everywhere, everywhere } from '../../support/channels/everywhere.ts'
import { Affair, type Batch, batches, type SendingAs } from '../../support/channels/schedules.ts'
import { isTaken } from '../../support/channels/stand-in.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { withRun } from '../../support/ledger-fixture.ts'
import { countingIds, ledgerFolder } from '../../support/open-ledger.ts'
import { seeded } from '../../support/seed.ts'

/** How many schedules, and how many of them share a ledger. */
const SCHEDULES = Number(process.env['ASTERN_SCHEDULES'] ?? 10_000)
const TOGETHER = 250

const alertName = (id: string, which: string): string => `${id} ${which}`

/** One Astern with affairs that each go their own way. */
class Played {
  readonly #clock = new StoryClock()
  readonly #everywhere: Everywhere = everywhere(this.#clock)
  readonly #affairs = new Map<string, Affair>()
  readonly #folder: string
  readonly #ids = countingIds()
  #ledger: Ledger | undefined
  #claim: Claim | undefined

  constructor(t: Test) {
    this.#folder = ledgerFolder(t)
  }

  async play({ affairs, between }: Batch): Promise<readonly Affair[]> {
    const ledger = await this.#open()
    await withRun(ledger)
    const [run] = await ledger.claimDue('one', this.#clock.now(), 365 * 24 * 60 * MINUTE, 1)
    this.#claim = run?.claim
    const ids = affairs.map((_, index) => `affair-${String(index).padStart(4, '0')}`)
    const alerts = ids.flatMap(id => ['first', 'other'].map(which => alertOf({ alertname: alertName(id, which) })))
    const incidents = await ledger.receive(deliveryOf(alerts))
    const opened = (index: number): string => incidents[index]?.id ?? ''
    for (const [index, schedule] of affairs.entries()) {
      const id = ids[index] ?? ''
      this.#affairs.set(id, new Affair(id, schedule, { first: opened(2 * index), other: opened(2 * index + 1) }))
    }
    for (const [step, { ms, restart }] of between.entries()) {
      await this.#happen(step)
      await this.#sendAll(affair => affair.schedule.steps[step]?.sending ?? 'well')
      this.#clock.tick(ms)
      if (restart) await this.#reopen()
    }
    // The channels are well again, and time goes by.
    for (let quiet = 0; quiet < 3; this.#clock.tick(OVER_AFTER_MS)) quiet = (await this.#sendAll(() => 'well')) === 0 ? quiet + 1 : 0
    await this.#ledger?.close()
    // Whoever looks half a day later sees the same.
    this.#clock.tick(12 * 60 * MINUTE)
    return [...this.#affairs.values()]
  }

  shown({ id, schedule }: Affair) {
    return this.#everywhere.shows(schedule.where, id)
  }

  copies({ id, schedule, calls }: Affair): number {
    if (schedule.where === 'pager') return Math.max(0, this.#everywhere.pages(id) - calls)
    return schedule.where === 'bot' ? Math.max(0, this.#everywhere.threads(id) - 1) : 0
  }

  async #happen(step: number): Promise<void> {
    const now = this.#clock.now()
    const messages: Message[] = []
    const alerts: Alert[] = []
    for (const affair of this.#affairs.values()) {
      const channel = this.#everywhere.channels.get(affair.schedule.where)
      const made = channel === undefined ? undefined : affair.go(step, channel)
      if (made === undefined) continue
      if ('key' in made) messages.push(made)
      else {
        const { which, status } = made
        alerts.push(alertOf({ alertname: alertName(affair.id, which) }, { status, ...(status === 'resolved' ? { endsAt: now } : {}) }))
      }
    }
    if (alerts.length > 0) await this.#ledger?.receive(deliveryOf(alerts, { receivedAt: now }))
    if (this.#claim !== undefined) await this.#ledger?.save(this.#claim, { change: {}, audit: [], messages }, now)
  }

  async #sendAll(how: (affair: Affair) => SendingAs): Promise<number> {
    let sent = 0
    for (;;) {
      const now = this.#clock.now()
      const due = (await this.#ledger?.claimMessages(now, now + MINUTE, 50)) ?? []
      for (const queued of due) await this.#send(queued, how)
      if (due.length === 0) return sent
      sent += due.length
    }
  }

  async #send(queued: QueuedMessage, how: (affair: Affair) => SendingAs): Promise<void> {
    const { message, revision, memory } = queued
    const affair = this.#affairs.get(message.subject.id)
    const channel = this.#everywhere.channels.get(message.channel)
    if (affair === undefined || channel === undefined) throw new Error(`nobody knows ${message.key}`)
    const sending = how(affair)
    if (sending === 'died') return
    const down = sending === 'well' || sending === 'died after' ? undefined : sending
    if (sending === 'died after' || (down !== undefined && isTaken(down))) affair.unheard += 1
    this.#everywhere.down = down
    const result = await channel.send(message, { revision, ...(memory === undefined ? {} : { memory }) }, AbortSignal.timeout(60_000))
    this.#everywhere.down = undefined
    if (sending === 'died after') return
    const now = this.#clock.now()
    await this.#ledger?.messageSent(queued, result, nextTry(queued, result, now), now)
  }

  async #open(): Promise<Ledger> {
    // Whether the disk keeps what it was given, other tests look at.
    const file = { ...(await openSqliteFile(join(this.#folder, LEDGER_FILE))), synced: async () => {} }
    const { ledger } = await openHandle(file, this.#ids)
    this.#ledger = ledger
    return ledger
  }

  async #reopen(): Promise<void> {
    await this.#ledger?.close()
    await this.#open()
  }
}

function nextTry({ attempts }: QueuedMessage, result: Delivered, now: number): number {
  return Math.max(retryAt(attempts, now), now + (result.kind === 'failed' ? (result.retryAfterMs ?? 0) : 0))
}

t.test('whatever happens, every affair ends in each channel in the state that it is in', { timeout: 900_000 }, async t => {
  let played = 0
  await fc.assert(
    fc.asyncProperty(batches(TOGETHER), async batch => {
      const scene = new Played(t)
      const affairs = await scene.play(batch)
      for (const affair of affairs) {
        const { where, steps } = affair.schedule
        const told = (): string =>
          `${affair.id} on ${where}: ${steps.map(({ happens, sending }) => `${happens} (${sending})`).join(', ')}; ${JSON.stringify(batch.between)}`
        if (scene.shown(affair) !== affair.wanted) throw new Error(`${scene.shown(affair)} instead of ${affair.wanted}: ${told()}`)
        const most = where === 'pager' ? 0 : affair.unheard
        if (scene.copies(affair) > most) throw new Error(`${scene.copies(affair)} copies instead of ${most}: ${told()}`)
      }
      played += affairs.length
    }),
    { ...seeded(15), numRuns: Math.ceil(SCHEDULES / TOGETHER), endOnFailure: true }
  )
  t.ok(played >= SCHEDULES, `${played} schedules`)
})
