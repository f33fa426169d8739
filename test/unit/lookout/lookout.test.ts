import t, { type Test } from 'tap'
import { createLookingOut, type LookingOutParts } from '../../../src/app/looking-out.ts'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { BlindSettings } from '../../../src/domain/blindness.ts'
import type { Message } from '../../../src/domain/message.ts'
import type { Mode } from '../../../src/domain/outcomes.ts'
import type { HeldAlert, RuleGroup } from '../../../src/domain/rule-group.ts'
import type { WatchState } from '../../../src/domain/watch-state.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { policyOf } from '../../support/bench.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { HandClock } from '../../support/hand-clock.ts'
import { countingIds, openLedger } from '../../support/open-ledger.ts'

const GROUP: RuleGroup = {
  name: 'shop',
  file: 'shop.yaml',
  intervalMs: 30 * SECOND,
  rules: [{ name: 'HighErrorRatio', failed: false, error: '' }]
}
const WATCHDOG: BlindSettings = { to: ['people', 'pager'], watchdog: { match: ['alertname="Watchdog"'], within: 10 * MINUTE } }

/** A lookout over a real ledger, whose world does as the test says. A restart is another one over the same ledger. */
async function scene(t: Test, settings: BlindSettings) {
  const ledger = await openLedger(t)
  const clock = new HandClock()
  const world = {
    settings,
    groups: [] as readonly RuleGroup[] | { readonly problem: string },
    held: [] as readonly HeldAlert[] | { readonly problem: string },
    watches: [] as readonly WatchState[],
    mode: 'auto' as Mode
  }
  const ids = countingIds()
  const parts: LookingOutParts = {
    clock,
    ids,
    ledger,
    channels: { takes: (name, event) => !(name === 'pager' && event === 'over'), follows: name => name === 'pager', standing: [] },
    settings: () => world.settings,
    policies: () => [policyOf({ mode: world.mode })],
    ceiling: 'auto',
    sources: () => ({
      prometheus: { ruleGroups: async () => world.groups, clockOffset: () => 0 } as unknown as NonNullable<
        ReturnType<LookingOutParts['sources']>['prometheus']
      >,
      heldAlerts: async () => world.held
    }),
    watches: () => world.watches,
    logger: createLogger('silent', 'json', { write: () => {} }),
    failed: (_what, cause) => {
      throw cause
    },
    turned: () => {}
  }
  let lookout = createLookingOut(parts)
  return {
    ledger,
    clock,
    world,
    restart() {
      lookout = createLookingOut(parts)
    },
    /** Lets time pass, with a look every 15 s. */
    async pass(ms: number): Promise<void> {
      for (let gone = 0; gone < ms; gone += 15 * SECOND) {
        await clock.pass(15 * SECOND)
        await lookout.look()
      }
    },
    async hear(labels: Readonly<Record<string, string>> = { alertname: 'Watchdog' }, status: 'firing' | 'resolved' = 'firing') {
      const watchdog = labels['alertname'] === 'Watchdog' ? { watchdog: true as const } : {}
      return ledger.receive({ ...deliveryOf([{ ...alertOf(labels), status, ...watchdog }]), receivedAt: clock.now() })
    },
    state: (kind: string) => lookout.states().find(one => one.kind === kind),
    /** What people are told from now on, and by which channel. */
    async told(): Promise<readonly string[]> {
      const due = await ledger.claimMessages(clock.now(), clock.now() + MINUTE, 50)
      for (const queued of due) await ledger.messageSent(queued, { kind: 'delivered' }, clock.now(), clock.now())
      return due.map(({ message }) => `${message.channel} ${message.event}: ${message.title}`).sort()
    }
  }
}

const BEGUN = [
  'pager needs-people: Astern is blind: the Watchdog alert is not heard',
  'people needs-people: Astern is blind: the Watchdog alert is not heard'
]
const OVER = [
  'pager over: Astern sees again: the Watchdog alert is not heard: over',
  'people over: Astern sees again: the Watchdog alert is not heard: over'
]

t.test('a Watchdog that falls silent: people are told once, and once more when it is heard again', async t => {
  const { hear, pass, told, state, ledger } = await scene(t, WATCHDOG)
  t.same(await hear(), [{ id: '', state: 'ignored' }], 'it opens no incident')
  t.same(await ledger.unadmitted(10), [])
  await pass(10 * MINUTE)
  t.match(state('watchdog'), { state: 'sees' })
  t.same(await told(), [])
  await pass(MINUTE)
  t.match(state('watchdog'), { state: 'blind', detail: /^it was last heard at 2026/ })
  t.same(await told(), BEGUN)
  await pass(60 * MINUTE)
  t.same(await told(), [], 'a silence that goes on is told once')

  await hear()
  await pass(9 * MINUTE)
  t.same(await told(), [], 'heard once may be chance')
  await hear()
  await pass(MINUTE + 15 * SECOND)
  t.same(await told(), OVER)
  t.match(state('watchdog'), { state: 'sees' })
  const kinds = (await ledger.audit({}, 100)).map(row => row.kind)
  t.same(
    kinds.filter(kind => kind.startsWith('blindness')),
    ['blindness-began', 'blindness-over']
  )
})

t.test('a Watchdog that comes just too seldom pages once, and not each time', async t => {
  const { hear, pass, told } = await scene(t, WATCHDOG)
  const heard: string[] = []
  for (let time = 0; time < 6; time += 1) {
    await hear()
    await pass(11 * MINUTE)
    heard.push(...(await told()))
  }
  t.same(
    heard.filter(line => !line.includes(' update: ')),
    BEGUN,
    'what changes is when it was last heard'
  )
})

t.test('one that resolves is silence, and one that was never heard is told too', async t => {
  const { hear, pass, told, state } = await scene(t, WATCHDOG)
  await pass(5 * MINUTE)
  t.match(state('watchdog'), { state: 'unknown', detail: /^it was never heard; it is waited for since/ })
  await hear({ alertname: 'Watchdog' }, 'resolved')
  await pass(6 * MINUTE)
  t.match(state('watchdog'), { state: 'blind', detail: 'it was never heard' })
  t.same(await told(), BEGUN)
})

t.test('a restart neither forgets nor alarms: it has its time after a start, and what was told is not told again', async t => {
  const { hear, pass, told, restart, clock, state } = await scene(t, WATCHDOG)
  await hear()
  await pass(MINUTE)
  // Astern is down for an hour, and so nothing is heard.
  await clock.pass(60 * MINUTE)
  restart()
  await pass(9 * MINUTE)
  t.match(state('watchdog'), { state: 'unknown' })
  t.same(await told(), [], 'nobody could listen while Astern was down')
  await pass(2 * MINUTE)
  t.same(await told(), BEGUN)
  restart()
  await pass(30 * MINUTE)
  t.same(await told(), [], 'the next process knows that people were told')
  t.match(state('watchdog'), { state: 'blind' })
  await hear()
  await pass(5 * MINUTE)
  restart()
  await hear()
  await pass(9 * MINUTE)
  await hear()
  await told()
  await pass(2 * MINUTE)
  t.same(await told(), OVER)
})

t.test('a Watchdog that nobody asks for any more is over at once, where it was told', async t => {
  const { pass, told, world, state } = await scene(t, WATCHDOG)
  await pass(11 * MINUTE)
  t.same(await told(), BEGUN)
  world.settings = { to: ['others'] }
  await pass(15 * SECOND)
  t.same(await told(), OVER)
  t.match(state('watchdog'), { state: 'off' })
})

t.test('settings that come later count from then', async t => {
  const { pass, told, world } = await scene(t, { to: ['people'] })
  await pass(60 * MINUTE)
  world.settings = { ...WATCHDOG, to: ['people'] }
  await pass(10 * MINUTE)
  t.same(await told(), [])
  await pass(MINUTE)
  t.equal((await told()).length, 1)
})

t.test('rules that are not evaluated: after five minutes people are told; what cannot be asked is unknown, and no good news', async t => {
  const { clock, world, pass, told, state } = await scene(t, { to: ['people'] })
  const evaluated = (): void => {
    world.groups = [{ ...GROUP, lastEvaluation: clock.now() }]
  }
  evaluated()
  await pass(MINUTE)
  t.match(state('rules'), { state: 'sees', detail: '1 rule groups are evaluated' })
  // The group stands still from here on.
  await pass(3 * MINUTE)
  t.match(state('rules'), { state: 'doubtful' })
  t.same(await told(), [])
  await pass(6 * MINUTE)
  t.same(await told(), ['people needs-people: Astern is blind: alerting rules are not evaluated'])
  world.groups = { problem: 'unreachable: connection refused' }
  await pass(30 * MINUTE)
  t.match(state('rules'), { state: 'blind', detail: 'unreachable: connection refused' })
  t.same(await told(), [], 'who cannot be asked does not make it over')
  for (let minute = 0; minute < 8; minute += 1) {
    evaluated()
    await pass(MINUTE)
  }
  t.same(await told(), ['people over: Astern sees again: alerting rules are not evaluated: over'])
})

t.test('a group that is young, and one that no policy waits for, are no blindness; a rule that fails is one', async t => {
  const { clock, world, pass, told, state } = await scene(t, { to: ['people'] })
  world.groups = [{ ...GROUP, rules: [{ name: 'Other', failed: true, error: '' }] }]
  await pass(20 * MINUTE)
  t.match(state('rules'), { state: 'unknown', detail: 'Prometheus has no rule that a policy waits for by name' })
  // A group of an hour, which Prometheus loaded just now.
  world.groups = [{ ...GROUP, intervalMs: 60 * MINUTE }]
  await pass(60 * MINUTE)
  t.match(state('rules'), { state: 'sees' })
  await pass(130 * MINUTE)
  t.match(state('rules'), { state: 'blind', detail: 'group shop was never evaluated' })
  t.equal((await told()).length, 1)
  world.groups = [
    {
      ...GROUP,
      intervalMs: 60 * MINUTE,
      lastEvaluation: clock.now(),
      rules: [{ name: 'HighErrorRatio', failed: true, error: 'many-to-many matching' }]
    }
  ]
  await pass(6 * MINUTE)
  t.match(state('rules'), { state: 'blind', detail: 'rule HighErrorRatio fails: many-to-many matching' })
  const [update] = await told()
  t.equal(update, 'people update: Astern is blind: alerting rules are not evaluated', 'what is known of it has changed')
})

t.test('Alertmanager holds an alert that never came', async t => {
  const { world, pass, told, state, hear } = await scene(t, {
    ...WATCHDOG,
    to: ['people'],
    deliveries: { receiver: 'astern', within: 15 * MINUTE }
  })
  const labels = { alertname: 'HighErrorRatio', namespace: 'shop' }
  // What Astern posts itself, and the Watchdog, open no incident.
  world.held = [{ labels }, { labels: { alertname: 'AsternNeedsPeople', astern_message: 'k' } }, { labels: { alertname: 'Watchdog' } }]
  for (let minute = 0; minute < 16; minute += 1) {
    await hear()
    await pass(MINUTE)
  }
  t.match(state('deliveries'), { state: 'blind', detail: '1 alert has not come: HighErrorRatio' })
  t.same(await told(), ['people needs-people: Astern is blind: Alertmanager does not deliver'])
  await hear(labels)
  await pass(5 * MINUTE + 15 * SECOND)
  t.same(await told(), ['people over: Astern sees again: Alertmanager does not deliver: over'])
  world.held = { problem: 'connection refused' }
  await pass(MINUTE)
  t.match(state('deliveries'), { state: 'unknown', detail: 'connection refused' })
})

t.test('a watch that is blind for five minutes; a first list that takes long is unknown', async t => {
  const { world, pass, told, state } = await scene(t, { to: ['people'] })
  const watch = { kind: 'Deployment', namespace: 'shop', since: 0, detail: '' } as const
  world.watches = [{ ...watch, state: 'listing' }]
  await pass(10 * MINUTE)
  t.match(state('watches'), { state: 'unknown', detail: '1 of 1 watches read their first list' })
  world.watches = [{ ...watch, state: 'forbidden', detail: 'no' }]
  await pass(4 * MINUTE)
  t.match(state('watches'), { state: 'doubtful' })
  t.same(await told(), [])
  await pass(2 * MINUTE)
  t.match(state('watches'), { state: 'blind', detail: 'Deployments in shop: forbidden (no)' })
  t.same(await told(), ['people needs-people: Astern is blind: the cluster is not seen'])
  world.watches = [{ ...watch, state: 'watching' }]
  await pass(6 * MINUTE)
  t.same(await told(), ['people over: Astern sees again: the cluster is not seen: over'])
})

t.test('in a dry run only those are told who are named for this', async t => {
  const byDefault = { ...WATCHDOG, byDefault: true } as const
  const { world, pass, told, state, hear } = await scene(t, byDefault)
  world.mode = 'dry-run'
  await pass(11 * MINUTE)
  t.match(state('watchdog'), { state: 'blind' }, 'status and metric say it')
  t.same(await told(), [])
  for (const _minute of Array.from({ length: 12 })) {
    await hear()
    await pass(MINUTE)
  }
  t.match(state('watchdog'), { state: 'sees' })
  t.same(await told(), [], 'nor that it is over')
  world.mode = 'auto'
  await pass(11 * MINUTE)
  t.same(await told(), BEGUN)
})

t.test('two processes on one ledger tell people once', async t => {
  const { ledger, clock, told } = await scene(t, WATCHDOG)
  const begun = { kind: 'watchdog', since: clock.now(), detail: 'd', channels: ['people'] } as const
  const message = {
    channel: 'people',
    title: 'blind',
    text: '',
    severity: 'critical',
    labels: {},
    details: {},
    event: 'needs-people'
  } as const satisfies Partial<Message>
  const results = await Promise.all(
    ['one', 'two'].map(id =>
      ledger.beginBlindness({ ...begun, id }, { messages: [{ ...message, key: id, subject: { kind: 'blind', id } }], audit: [] })
    )
  )
  t.same(results.toSorted(), [false, true])
  t.equal((await told()).length, 1)
  t.equal(await ledger.endBlindness({ kind: 'watchdog', id: 'a stranger' }, { messages: [], audit: [] }, clock.now()), false)
})
