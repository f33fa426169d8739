import t from 'tap'
import { WATCH_STATES, type WatchState } from '../../../src/domain/watch-state.ts'
import { meterGuards } from '../../../src/telemetry/guard-metrics.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { NOON } from '../../support/workloads.ts'

const QUIET = { runs: { waiting: 1 }, undelivered: 0, intake: 0, inLine: 0, blind: [], switchLowered: false, storm: false, watches: [] }
const watch = (state: WatchState['state'], kind: WatchState['kind'] = 'Deployment'): WatchState => ({
  kind,
  state,
  since: NOON,
  detail: ''
})

t.test('what is measured when somebody asks is of this very scrape, and the ledger is asked once', async t => {
  const metrics = createMetrics([])
  let asked = 0
  let undelivered = 3
  metrics.onCollect(async () => {
    asked += 1
    await new Promise(resolve => setImmediate(resolve))
    return { ...QUIET, undelivered, storm: true, watches: [watch('watching')] }
  })
  const first = await metrics.registry.metrics()
  t.match(first, /^astern_messages_undelivered 3$/m)
  t.match(first, /^astern_storm 1$/m)
  t.match(first, /^astern_watches\{kind="Deployment",state="watching"\} 1$/m)
  t.equal(asked, 1)
  undelivered = 0
  t.match(await metrics.registry.metrics(), /^astern_messages_undelivered 0$/m)
  t.equal(asked, 2)
})

t.test('watches by kind and state: every series is there, and a watch that changed its state is in one only', async t => {
  const metrics = createMetrics([])
  let watches = [watch('listing'), watch('forbidden'), watch('watching', 'StatefulSet')]
  metrics.onCollect(async () => ({ ...QUIET, watches }))
  const values = async (): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries(
      [...(await metrics.registry.metrics()).matchAll(/^astern_watches\{kind="(\w+)",state="([\w-]+)"\} (\d)$/gm)].map(found => [
        `${found[1]} ${found[2]}`,
        Number(found[3])
      ])
    )
  const before = await values()
  t.equal(Object.keys(before).length, 4 * WATCH_STATES.length)
  t.match(before, { 'Deployment listing': 1, 'Deployment forbidden': 1, 'StatefulSet watching': 1, 'Rollout watching': 0 })
  watches = [watch('watching'), watch('watching'), watch('behind', 'StatefulSet')]
  t.match(await values(), { 'Deployment listing': 0, 'Deployment forbidden': 0, 'Deployment watching': 2, 'StatefulSet behind': 1 })
})

t.test('what guards do is counted, and every series is there from the start', async t => {
  const metrics = createMetrics([])
  let underWay = 2
  const meter = meterGuards(metrics.registry, async () => underWay)
  const first = await metrics.registry.metrics()
  t.match(first, /^astern_guards 2$/m)
  t.match(first, /^astern_guards_ended_total\{result="rolled-back"\} 0$/m)
  t.match(first, /^astern_guard_looks_total\{result="failed"\} 0$/m)
  underWay = 1
  meter.looked('kept', 0.3)
  meter.ended('rolled-back')
  const second = await metrics.registry.metrics()
  t.match(second, /^astern_guards 1$/m)
  t.match(second, /^astern_guards_ended_total\{result="rolled-back"\} 1$/m)
  t.match(second, /^astern_guard_looks_total\{result="kept"\} 1$/m)
  t.match(second, /^astern_guard_look_duration_seconds_bucket\{le="0.5"\} 1$/m)
  t.match(second, /^astern_guard_look_duration_seconds_bucket\{le="0.25"\} 0$/m)
})
