import t from 'tap'
import { WATCH_STATES, type WatchState } from '../../../src/domain/watch-state.ts'
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
