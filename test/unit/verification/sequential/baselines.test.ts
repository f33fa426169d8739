import t from 'tap'
import { objectiveMet, type Past, pastLimits, worstWindow } from '../../../../src/verification/sequential/past.ts'
import type { Baseline } from '../../../../src/verification/sequential/settings.ts'
import { standingOf } from '../../../../src/verification/sequential/standing.ts'
import { ERRORS, pod, QUIET, traffic, watched, watchOf } from './scene.ts'

const NEW = pod('b', 'new')
const OLD = pod('a', 'old')

/** A stretch of minutes at 100 requests per second with a share of bad ones. */
const minutes = (count: number, share: number) => ({
  seconds: 60,
  rows: Array.from({ length: count }, () => ({ requests: 6_000, bad: 6_000 * share }))
})

const WHOLE: Past = { lastHalfHour: minutes(30, 0.005), sameHourYesterday: minutes(60, 0.005), sameHourLastWeek: minutes(60, 0.01) }

const settingsWith = (baseline: Baseline, past: Past, more: Parameters<typeof watchOf>[0] & { readonly objective?: number } = {}) => {
  const { objective, ...plan } = more
  return watchOf({
    baseline,
    metrics: [
      {
        metric: 'errors',
        counter: ERRORS,
        parts: [{ name: 'errors', dispersion: QUIET, past }],
        ...(objective === undefined ? {} : { objective })
      }
    ],
    ...plan
  })
}

const outage = traffic(630, [{ pod: NEW, perSecond: 100, bad: 1 }])

t.test(
  'against before: the worst of the last half hour, of yesterday and of last week is what is tolerated, and a little more',
  async t => {
    const { worse = 0, highest = 0 } = pastLimits({ past: WHOLE, alpha: 0.01, beta: 0.05, fine: [] })
    t.ok(highest >= 0.01 && highest < 0.011, `last week is the worst: ${highest}`)
    t.ok(Math.abs(worse - (1.5 * highest + 0.001)) < 1e-12)
    const settings = settingsWith('before', WHOLE)
    t.equal(watched(settings, outage).decision?.kind, 'fail')
    t.equal(watched(settings, traffic(630, [{ pod: NEW, perSecond: 100, bad: 0.012 }])).decision?.kind === 'fail', false)
    const { text } = standingOf(settings, watched(settings, outage))
    t.match(text[0], /by its errors: 100 % of [\d,]+ requests; tolerated: 1\.\d+ %, by what was before the deploy$/)
    t.match(text.join('\n'), /before the deploy: a weaker guarantee/)
  }
)

t.test('against before, with a part of the past missing: nothing fails, not even an outage, and that is said', async t => {
  for (const missing of ['lastHalfHour', 'sameHourYesterday', 'sameHourLastWeek'] as const) {
    const { [missing]: _gone, ...past } = WHOLE
    const settings = settingsWith('before', past)
    const standing = standingOf(settings, watched(settings, outage))
    t.equal(standing.kind, 'inconclusive', missing)
    t.ok(
      standing.grounds.notes.some(note => note.includes("can't be told, so that nothing can fail by comparison with it")),
      missing
    )
  }
  const short = settingsWith('before', { ...WHOLE, sameHourYesterday: minutes(50, 0.005) })
  t.equal(watched(short, outage).decision?.kind, 'inconclusive', 'a part of an hour is no hour')
})

t.test('a good version passes against before', async t => {
  const settings = settingsWith('before', WHOLE)
  t.equal(watched(settings, traffic(330, [{ pod: NEW, perSecond: 100, bad: 0.004 }])).decision?.kind, 'pass')
})

t.test('two metrics share the error that the past’s limits may make', async t => {
  const one = settingsWith('before', WHOLE)
  const metric = { metric: 'errors', counter: ERRORS, parts: [{ name: 'errors', dispersion: QUIET, past: WHOLE }] }
  const two = watchOf({ baseline: 'before', metrics: [metric, { ...metric, metric: 'grpc' }] })
  const limit = (settings: typeof one): number => {
    const worse = settings.parts[0]?.comparisons[0]?.worse
    return worse?.kind === 'absolute' ? worse.share : Number.NaN
  }
  t.ok(limit(two) > limit(one), `${limit(two)} > ${limit(one)}`)
  t.same(
    two.parts.flatMap(({ comparisons }) => comparisons.map(({ weight }) => weight)),
    [0.5, 0.5]
  )
})

t.test('side by side and before: half of the weight each, all under one error, and it fails by either', async t => {
  const settings = settingsWith('concurrent-and-before', WHOLE)
  t.same(
    settings.parts.flatMap(({ comparisons }) => comparisons.map(one => [one.with, one.weight])),
    [
      ['concurrent', 0.5],
      ['before', 0.5]
    ]
  )
  t.equal(watched(settings, outage).decision?.kind, 'fail', 'no old pod: by what was before')
  const both = traffic(630, [
    { pod: OLD, perSecond: 100, bad: 0.001 },
    { pod: NEW, perSecond: 100, bad: 0.012 }
  ])
  t.equal(watched(settings, both).decision?.kind, 'fail', 'within what was before: by the old version')
})

t.test('the weights of all comparisons of all parts add up to one', async t => {
  const latency = { kind: 'latency', metric: 'http_request_duration_seconds', boundaries: [0.1, 0.5, 1] } as const
  const parts = latency.boundaries.map(boundary => ({ name: `slower than ${boundary} s`, dispersion: QUIET, past: WHOLE }))
  const metrics = [
    { metric: 'errors', counter: ERRORS, parts: [{ name: 'errors', dispersion: QUIET, past: WHOLE }] },
    { metric: 'latency', counter: latency, parts }
  ]
  for (const baseline of ['concurrent', 'before', 'concurrent-and-before'] as const) {
    const weights = watchOf({ baseline, metrics }).parts.flatMap(({ comparisons }) => comparisons.map(({ weight }) => weight))
    t.ok(Math.abs(weights.reduce((all, weight) => all + weight, 0) - 1) < 1e-12, baseline)
  }
})

t.test('an objective: missing it fails the new version only if the old one met it', async t => {
  const cases = [
    ['met', 'fail'],
    ['first-deploy', 'fail'],
    ['missed', 'inconclusive'],
    ['unknown', 'inconclusive'],
    [undefined, 'inconclusive']
  ] as const
  for (const [objectiveBefore, verdict] of cases) {
    const settings = settingsWith('objective', {}, { objective: 0.01, ...(objectiveBefore === undefined ? {} : { objectiveBefore }) })
    const standing = standingOf(settings, watched(settings, outage))
    t.equal(standing.kind, verdict, objectiveBefore ?? 'not told')
    if (standing.kind === 'inconclusive') t.equal(standing.because, 'objective-missed-before')
    if (objectiveBefore !== 'met') t.ok(standing.grounds.notes.length > 0, 'and why is said')
    t.match(standing.text[1], /the objective of 1 %|it cannot fail/)
  }
})

t.test('whether an objective was met: over the half hour, and over its last five minutes', async t => {
  t.equal(objectiveMet(undefined, 0.01), 'unknown')
  t.equal(objectiveMet(minutes(20, 0.001), 0.01), 'unknown')
  t.equal(objectiveMet(minutes(30, 0.009), 0.01), 'met')
  t.equal(objectiveMet(minutes(30, 0.011), 0.01), 'missed')
  const lately = { seconds: 60, rows: [...minutes(25, 0.001).rows, ...minutes(5, 0.02).rows] }
  t.equal(objectiveMet(lately, 0.01), 'missed', 'an incident that began before the deploy')
})

t.test('the worst five minutes are found wherever they begin', async t => {
  const rows = [...minutes(12, 0).rows, ...minutes(5, 0.1).rows, ...minutes(13, 0).rows]
  t.equal(worstWindow({ seconds: 60, rows }), 0.1)
})
