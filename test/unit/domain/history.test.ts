import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { alignedSpanBefore, failedInRow, lookBack, type Point, spanBefore, stretchStart } from '../../../src/domain/history.ts'
import { pointsOf } from '../../support/bench.ts'
import { NOON } from '../../support/workloads.ts'

const SPAN = { from: NOON - 5 * MINUTE, to: NOON, step: 15 * SECOND }
/** Points that fail in these seconds before noon, and pass at all others. */
const failing = (...seconds: readonly number[]): Point[] => pointsOf(SPAN, at => (seconds.includes((NOON - at) / SECOND) ? 'fail' : 'pass'))

t.test('a symptom was there before a change as a verdict has it: so many failing points in a row', t => {
  t.equal(failedInRow(failing(30, 15), SPAN, 2), true)
  t.equal(failedInRow(failing(30), SPAN, 2), false, 'one stray point is noise')
  t.equal(failedInRow(failing(60, 30), SPAN, 2), false, 'with one that passes between them')
  t.equal(failedInRow(failing(30), SPAN, 1), true)
  const gap = pointsOf(SPAN, at =>
    at === NOON - 45 * SECOND ? undefined : at >= NOON - MINUTE && at <= NOON - 30 * SECOND ? 'fail' : 'pass'
  )
  t.equal(failedInRow(gap, SPAN, 2), false, 'a point that is missing ends the row')
  const unsure = pointsOf(SPAN, () => 'inconclusive')
  t.equal(failedInRow(unsure, SPAN, 1), false, 'no data did not fail')
  t.end()
})

t.test('the present stretch: short gaps belong to it, longer ones and a confirmed recovery end it', t => {
  const never = Number.NEGATIVE_INFINITY
  const start = (points: readonly Point[], notBefore = never) => (NOON - stretchStart(points, NOON, { gap: MINUTE, notBefore })) / SECOND
  t.equal(start(failing(90, 75, 60, 45, 30, 15)), 90)
  t.equal(start(failing(120, 60, 45, 30)), 120, 'a gap of a minute belongs to it')
  t.equal(start(failing(150, 75, 60, 45, 30)), 75, 'a longer one ends it')
  t.equal(start(failing(90, 75, 60, 45, 30, 15), NOON - 50 * SECOND), 45, 'what was repaired is another one')
  t.equal(start(failing()), 0, 'it began after the last point')
  t.equal(start(failing(150)), 0, 'what was long before is not this one')
  t.end()
})

t.test('a span ends exactly where it is asked to, with at most a hundred points', t => {
  for (const [length, every] of [
    [4 * MINUTE, 15 * SECOND],
    [120 * MINUTE, 15 * SECOND],
    [10 * SECOND, SECOND]
  ] as const) {
    const span = spanBefore(NOON + 7, length, every)
    const points = pointsOf(span, () => 'pass')
    t.equal(points.at(-1)?.at, NOON + 7)
    t.ok(points.length <= 100 && points.length > 1, `${points.length} points`)
    t.ok(span.step >= every && span.to - span.from <= length)
  }
  const one = alignedSpanBefore(NOON + 7 * SECOND, 60 * MINUTE, 15 * SECOND)
  t.same(alignedSpanBefore(NOON + 9 * SECOND, 60 * MINUTE, 15 * SECOND), one, 'who asks at about the same time asks the same')
  t.equal(one.to % one.step, 0)
  t.end()
})

t.test('how far back is looked: twice the window, and at least twice what a verdict takes', t => {
  const query = { window: 2 * MINUTE, samples: 2, every: 15 * SECOND }
  t.equal(lookBack([query]), 4 * MINUTE)
  t.equal(lookBack([query, { ...query, window: 5 * MINUTE }]), 10 * MINUTE, 'the longest window counts')
  t.equal(lookBack([{ window: 0, samples: 4, every: MINUTE }]), 8 * MINUTE)
  t.end()
})
