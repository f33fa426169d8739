import fc from 'fast-check'
import t from 'tap'
import { formatMargin, parseMargin } from '../../../../src/domain/margin.ts'
import { absoluteBet, DIRECTIONS, EFFECTS, gains, relativeBet } from '../../../../src/verification/sequential/bet.ts'
import { type CountingState, countLook, startCounting } from '../../../../src/verification/sequential/counting/counting.ts'
import type { Look, Scrape } from '../../../../src/verification/sequential/counting/scrape.ts'
import { addGains, capFor, capForAtLeast, NO_EVIDENCE } from '../../../../src/verification/sequential/evidence.ts'
import { startWatch, testBlock, type WatchState, watchLook, worseEvidence } from '../../../../src/verification/sequential/judge.ts'
import { ratioBounds } from '../../../../src/verification/sequential/ratio-bounds.ts'
import { capsOf, type WatchSettings } from '../../../../src/verification/sequential/settings.ts'
import { at, counted, counters, DEPLOY, look, METRICS, pod, SETTINGS, total, watched, watchOf } from './scene.ts'

const effect = fc.constantFrom(...EFFECTS)
const direction = fc.constantFrom(...DIRECTIONS)
const requests = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 }))
const share = fc.oneof(fc.double({ min: 0, max: 0.02, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
const margin = fc.record({ ratio: fc.double({ min: 1, max: 5, noNaN: true }), add: fc.double({ min: 0, max: 0.05, noNaN: true }) })

/** ln of the mean of exp(gain), exactly: each request fails by itself with its version’s share. */
const logMean = (count: number, failing: number, pays: number): number => count * Math.log1p(failing * Math.expm1(pays))

t.test('no bet gains on the average while the hypothesis holds, whatever the split, the shares and the margin are', async t => {
  fc.assert(
    fc.property(direction, effect, margin, fc.record({ old: requests, new: requests, share }), (way, size, tolerated, block) => {
      const edge = tolerated.ratio * block.share + tolerated.add
      if (edge > 1) return
      const { perNew, perOld } = relativeBet(way, size, tolerated, {
        old: { requests: block.old, bad: 0 },
        new: { requests: block.new, bad: 0 }
      })
      const mean =
        logMean(block.new, edge, perNew) + logMean(block.old, block.share, perOld) - block.new * tolerated.add * Math.expm1(perNew)
      t.ok(mean <= 1e-7, `${way} ${size}: ${mean}`)
      const { perNew: alone } = absoluteBet(way, size, edge, { old: { requests: 0, bad: 0 }, new: { requests: block.new, bad: 0 } })
      t.ok(logMean(block.new, edge, alone) - block.new * edge * Math.expm1(alone) <= 1e-7)
    }),
    { numRuns: 2_000 }
  )
})

t.test(
  'a split that ramps and shares that drift from block to block change nothing of that: the mean of all the evidence stays below 1',
  async t => {
    const block = fc.record({
      old: fc.integer({ min: 1, max: 3 }),
      new: fc.integer({ min: 1, max: 3 }),
      share: fc.double({ min: 0, max: 0.6, noNaN: true })
    })
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 3 }), fc.double({ min: 1, max: 4, noNaN: true }), (blocks, dispersion) => {
        const tolerated = { ratio: 1.2, add: 0.01 }
        const cap = capFor(0.01, 1, EFFECTS.length, 2)
        // Every outcome that there is, with its chance: the mean is exact.
        const walk = (index: number, evidence: typeof NO_EVIDENCE, chance: number): number => {
          const here = blocks[index]
          if (here === undefined) return chance * Math.exp(evidence.log)
          let mean = 0
          for (let oldBad = 0; oldBad <= here.old; oldBad += 1)
            for (let newBad = 0; newBad <= here.new; newBad += 1) {
              const of = binomial(here.old, oldBad, here.share) * binomial(here.new, newBad, tolerated.ratio * here.share + tolerated.add)
              if (of === 0) continue
              const gained = gains(
                'worse',
                { kind: 'relative', margin: tolerated },
                { old: { requests: here.old, bad: oldBad }, new: { requests: here.new, bad: newBad } }
              )
              const next = addGains(evidence, gained, { dispersion, cap, restart: index === 1 ? 'due' : 'not-yet' })
              mean += walk(index + 1, next, chance * of)
            }
          return mean
        }
        t.ok(walk(0, NO_EVIDENCE, 1) <= 1 + 1e-9)
      }),
      { numRuns: 100 }
    )
  }
)

function binomial(n: number, k: number, p: number): number {
  let ways = 1
  for (let index = 0; index < k; index += 1) ways = (ways * (n - index)) / (index + 1)
  return ways * p ** k * (1 - p) ** (n - k)
}

t.test('fewer bad blocks than the cap is for never fail a version; as many do when all of their requests are bad', async t => {
  fc.assert(
    fc.property(requests, requests, fc.integer({ min: 2, max: 8 }), (old, fresh, blocks) => {
      const cap = Math.min(capFor(0.01, 1, EFFECTS.length, blocks), capForAtLeast(blocks, 0.01))
      const bad = { old: { requests: old + 300, bad: 0 }, new: { requests: fresh + 300, bad: fresh + 300 } }
      let evidence = NO_EVIDENCE
      for (let index = 0; index < blocks; index += 1) {
        t.ok(evidence.log < Math.log(100))
        evidence = addGains(evidence, gains('worse', { kind: 'relative', margin: { ratio: 1.2, add: 0.0005 } }, bad), {
          dispersion: 1,
          cap,
          restart: index === 0 ? 'due' : 'not-yet'
        })
      }
      t.ok(evidence.log >= Math.log(100))
    })
  )
})

t.test('after all but one of the bad blocks that a failure needs, much of one is still missing, for each part by itself', async t => {
  const settings = (blockSeconds: number, metrics: number) => {
    const [metric] = METRICS
    return watchOf({ blockSeconds, metrics: Array.from({ length: metrics }, (_, index) => ({ ...metric, metric: `errors ${index}` })) })
  }
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 60 }), fc.integer({ min: 1, max: 8 }), (seconds, metrics) => {
      const watch = settings(seconds, metrics)
      const [comparison] = watch.parts[0]?.comparisons ?? []
      if (comparison === undefined) throw new Error('no comparison')
      const { worse: cap } = capsOf(watch, comparison)
      const reached = (watch.badBlocks - 1) * cap - Math.LN2 + Math.log(comparison.weight)
      t.ok(Math.log(1 / watch.alpha) - reached >= 0.5 * cap, `${seconds} s, ${metrics} metrics`)
      if (metrics === 1) t.ok(reached + cap >= Math.log(1 / watch.alpha), 'and one more fails it')
    })
  )
})

t.test('a margin is read back as it was written', async t => {
  const written = fc.record({ ratio: fc.integer({ min: 100, max: 9_999 }), points: fc.integer({ min: 0, max: 9_999 }) })
  fc.assert(
    fc.property(written, ({ ratio, points }) => {
      const text = formatMargin({ ratio: ratio / 100, add: points / 10_000 })
      const parsed = parseMargin(text)
      t.equal(parsed.kind === 'margin' ? formatMargin(parsed.margin) : parsed.problem, text)
    })
  )
})

t.test('the bounds of the ratio enclose it: they are in order, and the plain ratio of many requests lies between', async t => {
  const block = fc.record({
    old: fc.integer({ min: 100, max: 5_000 }),
    new: fc.integer({ min: 100, max: 5_000 }),
    oldBad: fc.integer({ min: 0, max: 50 }),
    newBad: fc.integer({ min: 0, max: 50 })
  })
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), fc.double({ min: 1, max: 10, noNaN: true }), (blocks, dispersion) => {
      const pairs = blocks.map(one => ({ old: { requests: one.old, bad: one.oldBad }, new: { requests: one.new, bad: one.newBad } }))
      const { lower, upper } = ratioBounds(pairs, 0.01, dispersion)
      t.ok(lower < upper, `${lower} … ${upper}`)
    }),
    { numRuns: 50 }
  )
})

/** What one pod does between two scrapes, and what happens to the scrape. */
interface Step {
  readonly good: number
  readonly bad: number
  readonly restarts: boolean
  readonly fate: 'seen' | 'missed' | 'twice' | 'late'
}

const step: fc.Arbitrary<Step> = fc.record({
  good: fc.nat(40),
  bad: fc.nat(5),
  restarts: fc.boolean().map(coin => coin),
  fate: fc.constantFrom('seen', 'seen', 'seen', 'missed', 'twice', 'late')
})

const PODS = [pod('a', 'old'), pod('b', 'old'), pod('c', 'new'), pod('d', 'new')] as const

/** The looks of a trace, a scrape of each pod every 15 s; and what each pod really did between its first and its last scrape. */
function looksOf(
  trace: readonly (readonly Step[])[],
  lag: number
): { readonly looks: readonly Look[]; readonly truth: ReadonlyMap<string, { requests: number; bad: number }> } {
  const looks: Look[] = []
  const truth = new Map(PODS.map(({ uid }) => [uid, { requests: 0, bad: 0 }]))
  const counts = new Map(
    PODS.map(({ uid, version }) => [uid, { good: version === 'old' ? 5_000 : 0, bad: version === 'old' ? 80 : 0, restarts: 0 }])
  )
  const waiting = new Map<string, { requests: number; bad: number }>()
  let late: Scrape[] = []
  for (const [index, steps] of trace.entries()) {
    const seconds = 15 * (index + 1)
    const scrapes: Scrape[] = [...late]
    late = []
    for (const [which, { uid, version }] of PODS.entries()) {
      const { good, bad, restarts, fate } = steps[which] ?? { good: 0, bad: 0, restarts: false, fate: 'seen' }
      const before = counts.get(uid) ?? { good: 0, bad: 0, restarts: 0 }
      // A restart right before a scrape that is seen, with fewer requests than before: what was not scraped before it is lost to everyone.
      const resets = restarts && fate === 'seen' && (waiting.get(uid)?.requests ?? 0) === 0 && before.good > good && index > 0
      const now = resets
        ? { good, bad, restarts: before.restarts + 1 }
        : { good: before.good + good, bad: before.bad + bad, restarts: before.restarts }
      counts.set(uid, now)
      const open = waiting.get(uid) ?? { requests: 0, bad: 0 }
      const all = { requests: open.requests + good + bad, bad: open.bad + bad }
      const one: Scrape = {
        pod: uid,
        at: at(seconds - 1),
        restarts: now.restarts,
        series: counters({ requests: now.good + now.bad, bad: now.bad })
      }
      // The first scrape of an old pod is what later ones are compared with; it is always seen here.
      const read = index === 0 || fate !== 'missed'
      waiting.set(uid, read ? { requests: 0, bad: 0 } : all)
      if (!read) continue
      const known = truth.get(uid)
      if (known !== undefined && !(index === 0 && version === 'old')) {
        known.requests += all.requests
        known.bad += all.bad
      }
      scrapes.push(one)
      if (fate === 'twice') scrapes.push(one)
      if (fate === 'late') late.push({ ...one, at: one.at - lag, series: counters({ requests: Math.max(0, now.good - 1), bad: 0 }) })
    }
    looks.push(look(seconds, PODS, scrapes))
  }
  return { looks, truth }
}

/** No two misses in a row: those are another story. */
const trace = fc
  .array(fc.tuple(step, step, step, step), { minLength: 2, maxLength: 12 })
  .map(rows =>
    rows.map((steps, index) =>
      steps.map((one, which) =>
        one.fate === 'missed' && (index < 1 || rows[index - 1]?.[which]?.fate === 'missed') ? { ...one, fate: 'seen' as const } : one
      )
    )
  )

t.test('every request is counted once: with missed, repeated and late scrapes, with resets, in whatever order they come', async t => {
  fc.assert(
    fc.property(trace, fc.integer({ min: 1, max: 14_000 }), (steps, lag) => {
      const { looks, truth } = looksOf(steps, lag)
      const shuffled = looks.map(one => ({ ...one, scrapes: one.scrapes.toReversed(), pods: one.pods.toReversed() }))
      const found = counted(shuffled)
      for (const version of ['old', 'new'] as const) {
        const wanted = PODS.filter(one => one.version === version).map(({ uid }) => truth.get(uid) ?? { requests: 0, bad: 0 })
        t.same(total(found, version), {
          requests: wanted.reduce((all, { requests: one }) => all + one, 0),
          bad: wanted.reduce((all, { bad }) => all + bad, 0)
        })
      }
    }),
    { numRuns: 300 }
  )
})

t.test('a restart of Astern at any look, with looks repeated, loses and repeats no block', async t => {
  fc.assert(
    fc.property(trace, fc.nat(12), (steps, where) => {
      const { looks } = looksOf(steps, 4_000)
      const undisturbed = counted(looks)
      let state: CountingState = startCounting(SETTINGS)
      const blocks: unknown[] = []
      for (const [index, one] of looks.entries()) {
        if (index === where % looks.length) {
          state = JSON.parse(JSON.stringify(state)) as CountingState
          for (const old of looks.slice(0, index)) {
            const again = countLook(SETTINGS, state, old)
            t.equal(again.block, undefined)
            state = again.state
          }
        }
        const next = countLook(SETTINGS, state, one)
        state = next.state
        if (next.block !== undefined) blocks.push(next.block)
      }
      t.same(blocks, undisturbed.blocks)
      t.same(JSON.parse(JSON.stringify(state)), JSON.parse(JSON.stringify(undisturbed.state)))
    }),
    { numRuns: 100 }
  )
})

t.test('looks between the scrapes, however many, close no block twice and count nothing more', async t => {
  fc.assert(
    fc.property(trace, fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 5 }), (steps, between) => {
      const { looks } = looksOf(steps, 4_000)
      const more = looks.flatMap(one => {
        const extra = [...new Set(between)].sort((a, b) => a - b).map(seconds => ({ ...one, at: one.at + seconds * 1_000 }))
        return [one, ...extra]
      })
      const found = counted(more)
      for (const version of ['old', 'new'] as const) t.same(total(found, version), total(counted(looks), version))
      for (const [index, block] of found.blocks.entries()) {
        t.equal(block.from, found.blocks[index - 1]?.to ?? DEPLOY, 'blocks follow one another without a gap')
        t.ok(block.to - block.from >= 0.98 * SETTINGS.blockSeconds * 1_000)
      }
    }),
    { numRuns: 100 }
  )
})

t.test('pods that come and go at any time never make a count negative, nor bad requests more than all', async t => {
  const life = fc.record({
    version: fc.constantFrom('old' as const, 'new' as const),
    ready: fc.integer({ min: -60, max: 120 }),
    lives: fc.integer({ min: 1, max: 120 }),
    values: fc.array(fc.nat(200), { minLength: 12, maxLength: 12 })
  })
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 6 }), lives => {
      const pods = lives.map(({ version, ready, lives: seconds }, index) =>
        pod(`p${index}`, version, { bornAt: at(ready - 5), readyFrom: at(ready), deletedAt: at(ready + seconds) })
      )
      const looks = Array.from({ length: 12 }, (_, index) => {
        const seconds = 15 * (index + 1)
        const there = pods.filter(({ bornAt, deletedAt }) => bornAt <= at(seconds) && (deletedAt ?? 0) > at(seconds - 20))
        const scrapes = there.map(({ uid }) => {
          const value = lives[Number(uid.slice(1))]?.values[index] ?? 0
          return { pod: uid, at: at(seconds - 1), restarts: value % 3, series: counters({ requests: value, bad: Math.floor(value / 2) }) }
        })
        return look(seconds, there, scrapes)
      })
      for (const block of counted(looks).blocks)
        for (const pair of block.parts) for (const tally of [pair.old, pair.new]) t.ok(tally.bad >= 0 && tally.bad <= tally.requests)
    }),
    { numRuns: 200 }
  )
})

const WATCH = watchOf({ soakSeconds: 60, deadlineSeconds: 150 })

t.test('a watch that is written down and read back at any look ends as if it had never been: no block is lost or tested twice', async t => {
  fc.assert(
    fc.property(trace, fc.nat(12), (steps, where) => {
      const { looks } = looksOf(steps, 4_000)
      const undisturbed = watched(WATCH, looks)
      let state = startWatch(WATCH)
      for (const [index, one] of looks.entries()) {
        if (index === where % looks.length) {
          const read = JSON.parse(JSON.stringify(state)) as WatchState
          t.same(read, state, 'all of it is JSON: neither Infinity nor NaN is in it')
          state = looks
            .slice(0, index)
            .reduce((again, old) => watchLook(JSON.parse(JSON.stringify(WATCH)) as WatchSettings, again, old), read)
        }
        state = watchLook(WATCH, state, one)
      }
      t.same(state, undisturbed)
    }),
    { numRuns: 100 }
  )
})

t.test(
  'looks that come in any order, and any of them only, count nothing twice: one that is older than the last changes nothing',
  async t => {
    const quiet = trace.map(rows => rows.map(steps => steps.map(one => ({ ...one, restarts: false, fate: 'seen' as const }))))
    const plan = quiet.chain(rows => fc.tuple(fc.constant(rows), fc.shuffledSubarray([...rows.keys()])))
    fc.assert(
      fc.property(plan, ([steps, order]) => {
        const { looks, truth } = looksOf(steps, 4_000)
        const chosen = order.flatMap(index => looks[index] ?? [])
        const all = (found: ReturnType<typeof counted>) => total(found, 'new')
        const most = PODS.filter(one => one.version === 'new').reduce((sum, { uid }) => sum + (truth.get(uid)?.requests ?? 0), 0)
        const some = all(counted(chosen)).requests
        t.ok(some <= most, `${some} of ${most}`)
        const kept: Look[] = []
        for (const one of chosen) if (one.at > (kept.at(-1)?.at ?? 0)) kept.push(one)
        t.same(all(counted(chosen)), all(counted(kept)))
      }),
      { numRuns: 200 }
    )
  }
)

t.test('a split that ramps while the errors of both rise fails nothing: there is nothing to tell the versions apart', async t => {
  const ramp = fc.record({
    from: fc.double({ min: 0.02, max: 0.98, noNaN: true }),
    to: fc.double({ min: 0.02, max: 0.98, noNaN: true }),
    base: fc.double({ min: 0, max: 0.05, noNaN: true }),
    rises: fc.double({ min: 0.2, max: 10, noNaN: true })
  })
  fc.assert(
    fc.property(ramp, ({ from, to, base, rises }) => {
      let state = startWatch(WATCH)
      for (let block = 0; block < 20; block += 1) {
        const part = block / 19
        const share = from + (to - from) * part
        const bad = Math.min(1, base * (1 + (rises - 1) * part))
        const tally = (requests: number) => ({ requests, bad: requests * bad })
        state = testBlock(WATCH, state, {
          from: at(15 * block),
          to: at(15 * (block + 1)),
          parts: [{ old: tally(3_000 * (1 - share)), new: tally(3_000 * share) }],
          pods: [{ old: 3, new: 3 }],
          readySeconds: { old: 45, new: 45 },
          probes: { old: 0, new: 0 }
        })
        t.ok(worseEvidence(WATCH, state) < 0.01)
      }
    }),
    { numRuns: 200 }
  )
})

t.test('however few or many looks there are between the scrapes, the verdict is the same', async t => {
  fc.assert(
    fc.property(trace, fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 4 }), (steps, between) => {
      const { looks } = looksOf(steps, 4_000)
      const more = looks.flatMap(one => [
        one,
        ...[...new Set(between)].sort((a, b) => a - b).map(seconds => ({ ...one, at: one.at + seconds * 1_000 }))
      ])
      const settings = watchOf({ soakSeconds: 600, deadlineSeconds: 600 })
      t.equal(watched(settings, more).decision?.kind, watched(settings, looks).decision?.kind)
    }),
    { numRuns: 100 }
  )
})
