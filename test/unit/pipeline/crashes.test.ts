import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { FAULT_POINTS, type FaultPoint } from '../../../src/domain/ports/faults.ts'
import { openBench, PlayedCrash, policyOf } from '../../support/bench.ts'
import { actionStories } from '../../support/story-actions.ts'

/** Those that a story of one alert, once received, goes through. */
const POINTS = FAULT_POINTS.filter(point => !/^(?:delivery|guard)-/.test(point) && point !== 'message-sent')

// What a kill leaves: whatever came before the point is done, whatever comes after it is not. With `kill -9` on real clusters:
// test/stories/crash.ts, test/e2e/action-crashes.test.ts.
for (const [index, { name }] of actionStories().entries())
  t.test(`${name}: killed at every point it ends right, with at most one write`, async t => {
    for (const point of [undefined, ...POINTS]) await t.test(`${point ?? 'not killed'}`, t => play(t, index, point))
  })

/** The writes of the others leave no field of a manifest. */
function givesUp(action: string): boolean {
  return /undo|restart|scale/.test(action)
}

async function play(t: Parameters<typeof openBench>[0], index: number, point: FaultPoint | undefined): Promise<void> {
  const story = actionStories()[index]
  if (story === undefined) throw new Error('there is no such story')
  const { changedWithin: _, ...policy } = policyOf({ steps: [...story.steps], recheck: 10 * SECOND })
  const bench = await openBench(t, {
    policies: ['changedWithin' in story ? policy : { ...policy, changedWithin: 60 * MINUTE }],
    ...(story.needs === undefined ? {} : { needs: story.needs })
  })
  story.set?.(bench.cluster)
  let armed = point
  Object.assign(bench.ports, {
    faults: {
      reach(reached: FaultPoint) {
        if (reached !== armed) return
        armed = undefined
        throw new PlayedCrash()
      }
    }
  })
  await bench.fire()
  const until = bench.clock.now() + 19 * MINUTE
  while (bench.clock.now() < until) {
    if (story.cured?.(bench.cluster) ?? story.done(bench.cluster) > 0) bench.value = 0.001
    try {
      await bench.pass(10 * SECOND)
    } catch (cause) {
      if (!(cause instanceof PlayedCrash)) throw cause
      // What the dead process had claimed is free when its lease is over.
      bench.clock.tick(61 * SECOND)
    }
  }
  const run = await bench.run()
  const done = story.done(bench.cluster)
  // Nothing tells whether a call came that may have been sent: it is not sent again, and people are told.
  const lost = story.unclear === true && (point === 'before-write' || (point === 'after-write' && story.name === 'http'))
  t.equal(run.outcome, lost ? 'unknown' : 'recovered', { run })
  t.equal(done, lost && point === 'before-write' ? 0 : 1, 'written once')
  t.same(bench.cluster.kube.owned(), [], 'and no field is Astern’s any more')
  t.equal(bench.cluster.kube.givenUp.length > 0, givesUp(story.name), 'which it was')
  if (story.name.startsWith('scale'))
    t.equal((await bench.ledger.claimLoans(bench.clock.now() + 24 * 60 * MINUTE, 0, 9)).length, 0, 'and given back')
}
