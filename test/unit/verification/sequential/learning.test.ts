import t from 'tap'
import type { Stretches } from '../../../../src/verification/sequential/dispersion.ts'
import { dispersionOf, type Learned, NOTHING_LEARNED } from '../../../../src/verification/sequential/known-dispersion.ts'
import { learnFrom } from '../../../../src/verification/sequential/learning.ts'
import { outlook } from '../../../../src/verification/sequential/outlook.ts'
import { badBlocksFor, wrongNumbers } from '../../../../src/verification/sequential/settings.ts'
import type { Tally } from '../../../../src/verification/sequential/tally.ts'
import { pod, traffic, watched, watchOf } from './scene.ts'

const SERVING = [
  { pod: pod('a', 'old'), perSecond: 100, bad: 0.01 },
  { pod: pod('b', 'new'), perSecond: 100, bad: 0.01 }
] as const

/** Half an hour of two pods, told by rows of some seconds: all errors of a quarter of an hour come in five minutes, in both pods alike. */
function bursts(seconds: number): Stretches<readonly Tally[]> {
  const rows = Array.from({ length: 1_800 / seconds }, (_, row) => {
    const inBurst = (row * seconds) % 900 < 300
    const one = { requests: 100 * seconds, bad: inBurst ? 10 * seconds : 0 }
    return [one, one]
  })
  return { seconds, rows }
}

t.test('the windows of the dispersion are seconds, whatever the length of the rows is', async t => {
  const of = (seconds: number): number => {
    const known = dispersionOf({ history: bursts(seconds), learned: NOTHING_LEARNED, newShare: 0.5 })
    return known.kind === 'known' ? known.overTime : Number.NaN
  }
  t.ok(of(15) > 100, 'bursts of minutes are seen')
  t.ok(Math.abs(of(5) / of(15) - 1) < 0.1, `${of(5)} and ${of(15)}`)
})

t.test('less than the half hour is not enough to know how the errors come', async t => {
  const { seconds, rows } = bursts(15)
  t.match(dispersionOf({ history: { seconds, rows: rows.slice(0, 100) }, learned: NOTHING_LEARNED, newShare: 0.5 }), { kind: 'unknown' })
  t.match(dispersionOf({ learned: NOTHING_LEARNED, newShare: 0.5 }), { kind: 'unknown' })
  t.equal(badBlocksFor(15, 'unknown'), 4)
  t.equal(badBlocksFor(5, 'unknown'), 8)
})

t.test('the blocks that a failure needs cover 20 s at least', async t => {
  for (const [seconds, blocks] of [
    [5, 4],
    [7, 3],
    [10, 2],
    [15, 2],
    [60, 2]
  ] as const)
    t.equal(badBlocksFor(seconds, 'known'), blocks, `${seconds} s`)
})

t.test('watches that were passed teach that bursts hit both versions; half an hour of them is enough', async t => {
  const settings = watchOf()
  const passed = watched(settings, traffic(330, SERVING))
  t.equal(passed.decision?.kind, 'pass')
  let learned: Readonly<Record<string, Learned>> = {}
  const concurrent = (): string => {
    const known = dispersionOf({ history: bursts(15), learned: learned['errors'] ?? NOTHING_LEARNED, newShare: 0.5 })
    return known.kind === 'known' ? `${known.from} ${known.concurrent < 2 ? 'quiet' : 'bursty'}` : ''
  }
  for (let watch = 1; watch <= 6; watch += 1) {
    t.equal(concurrent(), 'history bursty', `before watch ${watch}`)
    learned = learnFrom(settings, passed, learned)
  }
  t.equal(concurrent(), 'earlier-rollouts quiet')
  t.same(JSON.parse(JSON.stringify(learned)), learned, 'it is plain data')
})

t.test('a watch that was not passed teaches nothing: a bad version’s errors are no noise', async t => {
  const settings = watchOf()
  const failed = watched(settings, traffic(60, [SERVING[0], { ...SERVING[1], bad: 1 }]))
  t.equal(failed.decision?.kind, 'fail')
  t.same(learnFrom(settings, failed, {}), {})
  t.same(learnFrom(settings, watched(settings, traffic(60, SERVING)), {}), {}, 'nor does one that is not over')
})

t.test('at the start: how long a regression takes to prove at this traffic', async t => {
  const settings = watchOf()
  const [part] = settings.parts
  if (part === undefined) throw new Error('no part')
  const told = (newPerSecond: number, oldShare: number): string => outlook(settings, part, { newPerSecond, oldPerNew: 1, oldShare })
  t.equal(told(100, 0.005), 'errors: at this traffic ×5 (2.5 %) takes about 30 s to prove')
  t.match(told(1, 0.005), /^errors: at this traffic ×5 \(2.5 %\) takes about \d+ min to prove, longer than the deadline of 10 min$/)
  t.match(told(10, 0), /^errors: at this traffic a rise to 1 % takes about \d+ (?:s|min) to prove$/)
  t.match(told(10, 0.00001), /^errors: ×5 \(0.005 %\) is tolerated; at this traffic a rise to 1 % takes about/)
  t.equal(told(0, 0.005), 'errors: without traffic nothing can be proven')
})

t.test('numbers that make no sense are told of', async t => {
  const fine = { alpha: 0.01, beta: 0.05, soakSeconds: 300, deadlineSeconds: 600, blockSeconds: 15 }
  t.same(wrongNumbers(fine), [])
  for (const wrong of [
    { alpha: 0 },
    { alpha: 0.5 },
    { beta: Number.NaN },
    { soakSeconds: 700 },
    { deadlineSeconds: 20_000 },
    { blockSeconds: 1 },
    { deadlineSeconds: Number.NaN }
  ])
    t.ok(wrongNumbers({ ...fine, ...wrong }).length > 0, JSON.stringify(wrong))
})
