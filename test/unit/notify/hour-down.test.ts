import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Channel, Message } from '../../../src/domain/message.ts'
import { noFaults } from '../../../src/domain/ports/faults.ts'
import { createChannels } from '../../../src/notify/channels.ts'
import { sendMail } from '../../../src/notify/email/smtp.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { startSender } from '../../../src/notify/sender.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { StoryClock } from '../../support/bench.ts'
import { channelTools } from '../../support/channel-tools.ts'
import { eventApi } from '../../support/channels/events.ts'
import { EVERYWHERE } from '../../support/channels/everywhere.ts'
import { type Loopback, loopback } from '../../support/channels/loopback.ts'
import { FAULTS, type Fault, isTaken, type Shown } from '../../support/channels/stand-in.ts'
import { messageOf, withRun } from '../../support/ledger-fixture.ts'
import { openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

/** Another channel is told after so long. */
const FALLBACK_MS = 10 * MINUTE

/** Time goes by in steps of ten seconds while nothing is being sent, and what is planned happens on the way. */
class HourClock extends StoryClock {
  #sending = 0
  #idle = Promise.withResolvers<void>()
  readonly #plan: { readonly at: number; readonly what: () => Promise<void> }[] = []
  plan(at: number, what: () => Promise<void>): void {
    this.#plan.push({ at, what })
    this.#plan.sort((one, other) => one.at - other.at)
  }
  sends(): void {
    if (this.#sending === 0) this.#idle = Promise.withResolvers()
    this.#sending += 1
  }
  sent(): void {
    this.#sending -= 1
    if (this.#sending === 0) this.#idle.resolve()
  }
  override async sleep(ms: number): Promise<void> {
    if (this.#sending > 0) await this.#idle.promise
    await super.sleep(Math.max(ms, 10 * SECOND))
    while ((this.#plan[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now()) await this.#plan.shift()?.what()
  }
}

const affairs = ['affair-1', 'affair-2'] as const

function messageFor(id: (typeof affairs)[number], event: Message['event'], name: string, { takes, follows }: Channel): Message[] {
  if (!takes.includes(event) && !follows.includes(event)) return []
  return [
    messageOf({
      key: `${id}/${event}/${name}`,
      channel: name,
      subject: { kind: 'run', id },
      event,
      title: `Deployment/shop/${id}: HighErrorRatio`,
      details: { target: `Deployment/shop/${id}`, outcome: event },
      ...(takes.includes(event) ? {} : { onlyWhereTold: true })
    })
  ]
}

/** All channels are down for an hour in one way. Meanwhile one affair begins, is handed over and is over, and another is handed over. */
async function anHour(t: Test, down: Fault) {
  const ledger = await openLedger(t)
  await withRun(ledger)
  const [run] = await ledger.claimDue('one', NOON, 365 * 24 * HOUR, 1)
  if (run === undefined) throw new Error('nothing was due')
  const places = await loopback(t, join(t.testdir({}), 'files'))
  const http = createHttpClient()
  t.teardown(() => http.close())
  const clock = new HourClock(NOON)
  let now: Fault | undefined
  const events = eventApi(() => now)
  // Nobody waits here as long as Astern does.
  const tools = channelTools({
    clock,
    kube: events,
    readFile: async path => (await readFile(path, 'utf8')).trim(),
    http: {
      request: (request, signal) => http.request({ ...request, deadlineMs: now === 'silent' ? 300 : request.deadlineMs }, signal)
    },
    mail(server, mail, signal) {
      const left = new AbortController()
      places.onMail(() => now === 'silent' && left.abort(new Error('nothing came')))
      return sendMail(server, mail, AbortSignal.any([signal, left.signal]))
    }
  })
  const channels = createChannels(CHANNELS, tools)
  channels.follow(
    Object.fromEntries(
      Object.entries(places.channels).map(([name, one]) => {
        const [kind = '', settings] = Object.entries(one)[0] ?? []
        return [name, { kind, settings }]
      })
    )
  )
  const instead: { readonly of: unknown; readonly id: string; readonly at: number; readonly event: string }[] = []
  const backup: Channel = {
    takes: ['needs-people', 'approval'],
    follows: [],
    async send({ details, subject, event }) {
      instead.push({ of: details['insteadOf'], id: subject.id, at: clock.now(), event })
      return { kind: 'delivered' }
    }
  }
  const failures: unknown[] = []
  const attempts = new Map<string, number>()
  const tell = (id: (typeof affairs)[number], event: Message['event']) => async (): Promise<void> => {
    const messages = EVERYWHERE.flatMap(name => {
      const channel = channels.channel(name)
      return channel === undefined ? [] : messageFor(id, event, name, channel)
    })
    await ledger.save(run.claim, { change: {}, audit: [], messages }, clock.now())
  }
  const goes = (fault: Fault | undefined) => async (): Promise<void> => {
    now = fault
    places.go(fault)
  }
  const done = Promise.withResolvers<void>()
  clock.plan(NOON + 10 * SECOND, goes(down))
  clock.plan(NOON + MINUTE, tell('affair-1', 'acted'))
  clock.plan(NOON + 2 * MINUTE, tell('affair-1', 'needs-people'))
  clock.plan(NOON + 20 * MINUTE, tell('affair-2', 'needs-people'))
  clock.plan(NOON + 30 * MINUTE, tell('affair-1', 'over'))
  clock.plan(NOON + HOUR, goes(undefined))
  clock.plan(NOON + 2 * HOUR, async () => done.resolve())
  const sender = startSender({
    ledger,
    clock,
    faults: noFaults,
    channel(name) {
      const channel = name === 'backup' ? backup : channels.channel(name)
      if (channel === undefined) return undefined
      return {
        ...channel,
        send(...message) {
          clock.sends()
          return channel.send(...message)
        }
      }
    },
    fallbacks: () => new Map(EVERYWHERE.map(name => [name, { to: 'backup', after: FALLBACK_MS }])),
    sent({ message: { channel } }, { kind }) {
      clock.sent()
      if (kind === 'failed') attempts.set(channel, (attempts.get(channel) ?? 0) + 1)
      if (kind === 'refused') failures.push(`${channel} refused`)
    },
    failed: (_what, cause) => done.reject(cause)
  })
  await done.promise
  await sender.stop()
  return { places, events, instead, attempts, failures, undelivered: await ledger.undelivered(), clock }
}

/** How each shows an affair. */
function shown({ slack, pagerduty, teams, tool, alertmanager, mailbox }: Loopback, now: number): (id: string) => readonly Shown[] {
  return id => [
    slack.shows(id),
    slack.showsPosted(id),
    pagerduty.shows(`astern/run/${id}`),
    mailbox().shows(id),
    teams.shows(id),
    alertmanager.firing(now).some(summary => summary.includes(id)) ? 'call' : 'nothing',
    tool.shows(id)
  ]
}

t.test('an hour of down time loses nothing, and doubles only where the connection broke after sending', async t => {
  for (const down of FAULTS) await t.test(down, t => lookAt(t, down))
})

async function lookAt(t: Test, down: Fault): Promise<void> {
  const { places, events, instead, attempts, failures, undelivered, clock } = await anHour(t, down)

  t.same(failures, [])
  t.equal(undelivered, 0)
  t.same(shown(places, clock.now())('affair-1'), ['over', 'over', 'nothing', 'over', 'over', 'nothing', 'over'])
  t.same(shown(places, clock.now())('affair-2'), ['call', 'call', 'call', 'call', 'call', 'call', 'call'])
  t.equal(events.shows('affair-1'), 'over')
  t.equal(events.shows('affair-2'), 'call')
  for (const name of EVERYWHERE) t.ok((attempts.get(name) ?? 0) > 10, `${name} was tried again and again`)

  // Three messages of the first affair, one of the second.
  t.same(places.pagerduty.notified.sort(), ['astern/run/affair-1', 'astern/run/affair-2'], 'PagerDuty pages once for each, whatever broke')
  const mailbox = places.mailbox()
  t.same([places.tool.taken.size, mailbox.letters.size, events.events.size], [4, 4, 3], 'the same key is the same message')
  t.equal(places.alertmanager.known, 2, 'the same labels are the same alert')
  const copies = {
    bot: places.slack.messages.size - 4,
    incoming: places.slack.posted.length - 4,
    teams: places.teams.cards.length - 4,
    tool: places.tool.repeated,
    mail: mailbox.copies
  }
  for (const [name, count] of Object.entries(copies))
    if (isTaken(down)) t.ok(count > 0 && count <= (attempts.get(name) ?? 0), `${name}: ${count} copies`)
    else t.equal(count, 0, `${name} has no copy`)
  t.same(places.teams.failedInside, [])

  // Another channel had each call in time, and nothing but calls. What it gets of one affair comes one by one, each ten seconds later.
  t.same(
    instead.map(({ of, id, event }) => `${String(of)} ${id} ${event}`).sort(),
    EVERYWHERE.flatMap(name => affairs.map(id => `${name} ${id} needs-people`)).sort()
  )
  for (const { of, id, at } of instead) {
    const asked = NOON + (id === 'affair-1' ? 2 : 20) * MINUTE
    t.ok(at >= asked + FALLBACK_MS && at <= asked + FALLBACK_MS + 2 * MINUTE, `${String(of)}: after ${(at - asked) / MINUTE} min`)
  }
}
