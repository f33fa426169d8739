import t from 'tap'
import type { Counter } from '../../../../src/verification/sequential/counting/counter.ts'
import { startWatch, watchLook } from '../../../../src/verification/sequential/judge.ts'
import { standingOf } from '../../../../src/verification/sequential/standing.ts'
import { at, ERRORS, look, pod, type Serves, scrape, traffic, watched, watchOf } from './scene.ts'

const OLD = pod('a', 'old')
const NEW = pod('b', 'new')

const serving = (old: Partial<Serves>, fresh: Partial<Serves>): readonly Serves[] => [
  { pod: OLD, perSecond: 100, ...old },
  { pod: NEW, perSecond: 100, ...fresh }
]

t.test('an outage of the new version fails it after two blocks, and not after one', async t => {
  const settings = watchOf()
  const looks = traffic(60, serving({ bad: 0.005 }, { bad: 1 }))
  t.equal(watched(settings, looks.slice(0, 2)).decision, undefined)
  const state = watched(settings, looks)
  t.same(state.decision, { kind: 'fail', at: at(30) })
  const standing = standingOf(settings, state)
  t.match(
    standing.text[0],
    /^fail after 30 s: the new version is worse than is tolerated, by its errors: 100 % of 3,000 requests, old version /
  )
  t.match(standing.grounds.parts[0], { old: { requests: 3_000 }, new: { requests: 3_000, bad: 3_000 }, evidenceToFail: 1 })
  t.ok((standing.grounds.parts[0]?.ratio?.lower ?? 0) > 1.2, 'the bounds of the ratio exclude what is tolerated')
})

t.test('with 5 s blocks it takes four of them: a start that fails for ten seconds fails no release', async t => {
  const settings = watchOf({ blockSeconds: 5 })
  t.same(watched(settings, traffic(60, serving({ bad: 0.005 }, { bad: 1 }), 5)).decision, { kind: 'fail', at: at(20) })
  const blip = [
    ...[5, 10].map(now =>
      look(
        now,
        [OLD, NEW],
        [scrape('a', now, { requests: 100 * now, bad: now / 5 }), scrape('b', now, { requests: 100 * now, bad: 100 * now })]
      )
    ),
    ...[15, 20, 25, 30, 35, 40, 45, 50, 55, 60].map(now =>
      look(
        now,
        [OLD, NEW],
        [
          scrape('a', now, { requests: 100 * now, bad: Math.floor(now / 5) }),
          scrape('b', now, { requests: 100 * now, bad: 1_000 + Math.floor((now - 10) / 5) })
        ]
      )
    )
  ]
  t.equal(watched(settings, blip).decision, undefined)
})

t.test('a good version passes at the end of the soak, not before, and with the tightest tolerance that is proven', async t => {
  const settings = watchOf()
  const looks = traffic(330, serving({ bad: 0.005 }, { bad: 0.005 }))
  const before = watched(
    settings,
    looks.filter(one => one.at < at(300))
  )
  t.equal(before.decision, undefined)
  t.match(standingOf(settings, before), { kind: 'watching', awaits: 'the end of the soak, in 15 s' })
  const state = watched(settings, looks)
  t.same(state.decision, { kind: 'pass', at: at(300), proven: [0] })
  t.match(standingOf(settings, state).text[0], 'pass after 5 min: the new version is proven to be within x1.5 + 0.2pp of the old one')
})

t.test('a verdict does not change any more', async t => {
  const settings = watchOf()
  const looks = traffic(60, serving({}, { bad: 1 }))
  const state = watched(settings, looks)
  t.equal(watchLook(settings, state, look(75, [OLD, NEW], [scrape('b', 75, { requests: 90_000, bad: 3_000 })])), state)
})

t.test('no requests: inconclusive, of that kind; it neither fails nor passes', async t => {
  const settings = watchOf()
  const state = watched(settings, traffic(630, serving({ bad: 0.005 }, { perSecond: 0 })))
  t.match(state.decision, { kind: 'inconclusive', at: at(600) })
  t.match(standingOf(settings, state), { kind: 'inconclusive', because: 'no-traffic' })
})

t.test('requests that are all reckoned to be probes are no traffic', async t => {
  const settings = watchOf()
  const probed = { ...NEW, probesPerSecond: 100 }
  const state = watched(settings, traffic(630, serving({ bad: 0.005 }, { pod: probed })))
  t.match(standingOf(settings, state), { kind: 'inconclusive', because: 'no-traffic' })
})

t.test('a path that the pods’ specs name for their probes is no traffic either', async t => {
  const probed = (counter: Counter) => watchOf({ metrics: [{ ...settingsMetric, counter }] })
  const looks = traffic(630, serving({ bad: 0.005 }, {})).map(one => ({
    ...one,
    scrapes: one.scrapes.map(two => ({
      ...two,
      series: two.series.map(({ labels, value }) => ({ labels: { ...labels, path: two.pod === 'b' ? '/alive' : '/' }, value }))
    }))
  }))
  t.equal(watched(probed(ERRORS), looks).decision?.kind, 'pass')
  const settings = probed({ ...ERRORS, probePaths: ['/alive'] })
  t.match(standingOf(settings, watched(settings, looks)), { kind: 'inconclusive', because: 'no-traffic' })
})

t.test('the source goes away: whatever was seen before, that is no failure', async t => {
  const settings = watchOf()
  const looks = traffic(630, serving({ bad: 0.005 }, { bad: 0.005 })).map(one => (one.at > at(120) ? { ...one, scrapes: [] } : one))
  const state = watched(settings, looks)
  t.match(standingOf(settings, state), { kind: 'inconclusive', because: 'source-gone' })
  t.match(standingOf(settings, watched(settings, looks.slice(0, 14))), { kind: 'watching', awaits: /does not answer/ })
})

t.test('one lone bad answer fails nothing, at any traffic', async t => {
  for (const perSecond of [0.1, 1, 10, 100]) {
    const settings = watchOf()
    const looks = traffic(600, serving({ perSecond }, { perSecond })).map(one =>
      one.at < at(60)
        ? one
        : {
            ...one,
            scrapes: one.scrapes.map(two =>
              two.pod === 'b'
                ? scrape('b', (two.at - at(0)) / 1_000, { requests: Math.floor((perSecond * (two.at - at(0))) / 1_000) + 1, bad: 1 })
                : two
            )
          }
    )
    t.not(watched(settings, looks).decision?.kind, 'fail', `${perSecond}/s`)
  }
})

t.test('an old version without any error does not hide a new one that has them', async t => {
  t.equal(watched(watchOf(), traffic(300, serving({}, { bad: 0.02 }))).decision?.kind, 'fail')
})

t.test('a few requests: inconclusive, and how many more it would take', async t => {
  const settings = watchOf()
  const state = watched(settings, traffic(630, serving({ perSecond: 1, bad: 0.005 }, { perSecond: 1, bad: 0.005 })))
  const standing = standingOf(settings, state)
  t.match(standing, { kind: 'inconclusive', because: 'too-little' })
  t.match(
    standing.text[0],
    /too few requests to prove anything; about [\d,]+ more requests of the new version would do, \d+ min at this traffic/
  )
})

t.test('worse than what passes and better than what fails: inconclusive, between the tolerances', async t => {
  const settings = watchOf()
  // At 0.05 % before, up to 0.11 % is tolerated; ×2 + 0.5 pp is 0.6 %: nothing lies between them that no number of requests would tell.
  const wide = {
    ...settings,
    parts: settings.parts.map(part => ({ ...part, comparisons: part.comparisons.map(one => ({ ...one, dispersion: 500 })) }))
  }
  const state = watched(wide, traffic(630, serving({ bad: 0.01 }, { bad: 0.0124 })))
  t.match(standingOf(wide, state), { kind: 'inconclusive' })
  const tight = watchOf({ metrics: [{ ...settingsMetric, tolerated: { ratio: 3, add: 0 } }] })
  const between = {
    ...tight,
    parts: tight.parts.map(part => ({
      ...part,
      comparisons: part.comparisons.map(one => ({ ...one, fine: [{ kind: 'relative', margin: { ratio: 1.1, add: 0 } } as const] })),
      fine: [{ ratio: 1.1, add: 0 }]
    }))
  }
  const undecided = watched(between, traffic(630, serving({ bad: 0.01 }, { bad: 0.02 })))
  t.match(standingOf(between, undecided), { kind: 'inconclusive', because: 'between-tolerances' })
})

const settingsMetric = {
  metric: 'errors',
  counter: { kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'code' },
  parts: [{ name: 'errors', dispersion: { kind: 'known', concurrent: 1, overTime: 1, from: 'history' } }]
} as const

t.test('without a pod of the old version there is nothing to compare with', async t => {
  const settings = watchOf()
  const state = watched(settings, traffic(630, [{ pod: NEW, perSecond: 100, bad: 0.5 }]))
  t.match(standingOf(settings, state), { kind: 'inconclusive', because: 'no-baseline' })
})

t.test('the old version goes before anything is proven: said, and the past does not step in for it', async t => {
  const settings = watchOf()
  const leaving = pod('a', 'old', { deletedAt: at(46) })
  const state = watched(
    settings,
    traffic(630, [
      { pod: leaving, perSecond: 1 },
      { pod: NEW, perSecond: 1, bad: 0.9, badFrom: 60 }
    ])
  )
  const standing = standingOf(settings, state)
  t.match(standing, { kind: 'inconclusive', because: 'baseline-gone' })
  t.ok(standing.grounds.notes.some(note => note.startsWith('both versions served side by side until 45 s after the deploy')))
})

t.test('a new version that gets less than half of its share cannot pass, and does not fail for it', async t => {
  const settings = watchOf()
  const state = watched(settings, traffic(630, serving({ bad: 0.001 }, { perSecond: 30, bad: 0.001 })))
  t.match(standingOf(settings, state), { kind: 'inconclusive', because: 'new-version-starved' })
  const fair = watched(settings, traffic(630, serving({ bad: 0.001 }, { perSecond: 60, bad: 0.001 })))
  t.equal(fair.decision?.kind, 'pass')
})

t.test('a ready new pod that can’t be read bars a pass, and is named', async t => {
  const settings = watchOf()
  const silent = pod('c', 'new')
  const looks = traffic(630, serving({ bad: 0.001 }, { bad: 0.001 })).map(one => ({ ...one, pods: [...one.pods, silent] }))
  const standing = standingOf(settings, watched(settings, looks))
  t.match(standing, { kind: 'inconclusive', because: 'new-pods-unreadable' })
  t.ok(standing.grounds.notes.includes("can't be read: new-c"))
})

t.test('the proven rate is claimed of a comparison side by side, and of no other', async t => {
  const past = { lastHalfHour: { seconds: 60, rows: [] } }
  const parts = [{ ...settingsMetric.parts[0], past }]
  const guaranteed = (settings: ReturnType<typeof watchOf>): boolean =>
    standingOf(settings, startWatch(settings)).text.some(line => line.includes('proven for errors that come independently'))
  t.ok(guaranteed(watchOf()))
  for (const baseline of ['before', 'concurrent-and-before', 'objective'] as const)
    t.notOk(guaranteed(watchOf({ baseline, metrics: [{ ...settingsMetric, parts, objective: 0.01 }] })), baseline)
})

t.test('an old version that is not healthy itself is told of', async t => {
  const settings = watchOf()
  const state = watched(settings, traffic(330, serving({ bad: 0.2 }, { bad: 0.2 })))
  t.equal(state.decision?.kind, 'pass')
  t.ok(standingOf(settings, state).grounds.notes.some(note => note.startsWith('the old version is not healthy itself: 20 %')))
})

t.test('what goes bad late is found as soon as what goes bad at once, whatever the blocks’ length is', async t => {
  for (const blockSeconds of [5, 15]) {
    const settings = watchOf({ blockSeconds, soakSeconds: 600 })
    const looks = traffic(600, serving({ bad: 0.005 }, { bad: 0.2, badFrom: 300 }), blockSeconds)
    const { decision, parts } = watched(settings, looks)
    t.equal(decision?.kind, 'fail')
    const took = ((decision?.at ?? 0) - at(300)) / 1_000
    t.ok(took > 0 && took <= 45, `${blockSeconds} s blocks: ${took} s`)
    const copies = parts[0]?.comparisons[0]?.worse.copies ?? 0
    t.ok(copies === 6, `a copy of the evidence starts every minute: ${copies}`)
  }
})

t.test('a new version whose pods answer without the metric is told of', async t => {
  const settings = watchOf()
  const looks = traffic(630, serving({ bad: 0.005 }, {})).map(one => ({
    ...one,
    scrapes: one.scrapes.map(two =>
      two.pod === 'b' ? { ...two, series: [{ labels: { __name__: 'renamed_total', code: '200' }, value: 9 }] } : two
    )
  }))
  const standing = standingOf(settings, watched(settings, looks))
  t.match(standing, { kind: 'inconclusive', because: 'no-traffic' })
  t.ok(standing.grounds.notes.some(note => note.includes('none of them has the metric that is counted')))
})

t.test('what a verdict rests on is plain JSON', async t => {
  const settings = watchOf()
  for (const seconds of [15, 60, 630]) {
    const standing = standingOf(settings, watched(settings, traffic(seconds, serving({ perSecond: 1, bad: 0 }, { perSecond: 1, bad: 0 }))))
    t.same(JSON.parse(JSON.stringify(standing)), standing)
  }
})

t.test('a bad start of ten seconds is in one block, whenever the pods are scraped', async t => {
  const settings = watchOf()
  const pods = [OLD, NEW, pod('c', 'new')]
  const served = (uid: string, now: number) => ({
    requests: Math.floor(100 * now),
    bad: uid === 'a' ? Math.floor(0.5 * now) : Math.floor(30 * Math.min(now, 10) + 0.5 * Math.max(0, now - 10))
  })
  // Scraped every 15 s, the three of them 3, 7 and 12 s after the deploy at first.
  const phases = [['a', 7] as const, ['b', 3] as const, ['c', 12] as const]
  const looks = Array.from({ length: 40 }, (_, index) => {
    const now = 5 * index
    const scrapes = phases.flatMap(([uid, phase]) => {
      const last = phase + 15 * Math.floor((now - phase) / 15)
      return last <= now - 5 || (last < 0 && uid !== 'a') ? [] : [scrape(uid, last, served(uid, Math.max(0, last)))]
    })
    return look(now, pods, index === 0 ? [scrape('a', -1, served('a', 0))] : scrapes)
  })
  const state = watched(settings, looks)
  t.equal(state.decision, undefined)
  const [first, second] = state.parts[0]?.comparisons[0]?.tested ?? []
  t.equal(first?.new.bad, 2 * 300 + 4 + 1, 'all of it is in the first block')
  t.ok((second?.new.bad ?? 99) <= 16)
})
