import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { at, listAt, numberAt, textAt } from '../../../../src/base/json.ts'
import { absoluteBet, type Direction, EFFECTS, gains, type Limit, relativeBet } from '../../../../src/verification/sequential/bet.ts'
import { compare, startComparing } from '../../../../src/verification/sequential/comparing.ts'
import { betweenPods, betweenVersions, largest, overTime, thinned } from '../../../../src/verification/sequential/dispersion.ts'
import { addGains, capFor, type Evidence, NO_EVIDENCE } from '../../../../src/verification/sequential/evidence.ts'
import { highestShare } from '../../../../src/verification/sequential/history-bound.ts'
import { logSumExp } from '../../../../src/verification/sequential/log-sums.ts'
import { ratioBounds } from '../../../../src/verification/sequential/ratio-bounds.ts'
import { type Comparison, capsOf, DEFAULTS, type WatchSettings } from '../../../../src/verification/sequential/settings.ts'
import { NOTHING, type Pair, sum } from '../../../../src/verification/sequential/tally.ts'

/** Twenty vectors that were computed independently of this code. Natural logarithms. */
const vectors = listAt(JSON.parse(readFileSync('test/unit/verification/sequential/vectors.json', 'utf8')), 'vectors')

const numbers = (value: unknown, ...path: readonly (string | number)[]): readonly number[] => listAt(value, ...path).map(Number)

const pairOf = ([oldRequests = 0, oldBad = 0, newRequests = 0, newBad = 0]: readonly number[]): Pair => ({
  old: { requests: oldRequests, bad: oldBad },
  new: { requests: newRequests, bad: newBad }
})

function vector(id: number): unknown {
  const found = vectors.find(one => numberAt(one, 'id') === id)
  if (found === undefined) throw new Error(`no vector ${id}`)
  return found
}

/** Six digits, as the vectors promise. */
function sixDigits(t: Test, found: number, wanted: number, what: string): void {
  t.ok(Math.abs(found - wanted) <= 1e-6 * Math.max(Math.abs(wanted), 1e-3), `${what}: ${found}, not ${wanted}`)
}

const directionOf = (one: unknown): Direction => (textAt(one, 'input', 'kind') === 'pass' ? 'fine' : 'worse')

function limitOf(one: unknown): Limit {
  const share = numberAt(one, 'input', 'p0')
  if (share !== undefined) return { kind: 'absolute', share }
  return { kind: 'relative', margin: { ratio: numberAt(one, 'input', 'r') ?? 1, add: numberAt(one, 'input', 'd') ?? 0 } }
}

/** The evidence after each block; the vectors’ blocks are 15 s long, a copy starts with every `restart`th. */
function run(one: unknown, blocks: readonly Pair[]): readonly number[] {
  const every = numberAt(one, 'input', 'restart') ?? 0
  let evidence: Evidence = NO_EVIDENCE
  return blocks.map((block, index) => {
    evidence = addGains(evidence, gains(directionOf(one), limitOf(one), block), {
      dispersion: numberAt(one, 'input', 'phi') ?? 1,
      cap: numberAt(one, 'input', 'lcap'),
      restart: every === 0 ? 'never' : index % every === 0 ? 'due' : 'not-yet'
    })
    return evidence.log
  })
}

t.test('vectors 1 and 2: what one bet pays', async t => {
  for (const id of [1, 2]) {
    const one = vector(id)
    const input = (name: string): number => numberAt(one, 'input', name) ?? Number.NaN
    const bet = relativeBet(
      directionOf(one),
      input('rho'),
      { ratio: input('r'), add: input('d') },
      pairOf([input('nB'), input('xB'), input('nC'), input('xC')])
    )
    sixDigits(t, bet.perNew, numberAt(one, 'expect', 'la') ?? Number.NaN, 'per new')
    sixDigits(t, bet.perOld, numberAt(one, 'expect', 'lb') ?? Number.NaN, 'per old')
    sixDigits(t, bet.gain, numberAt(one, 'expect', 'inc') ?? Number.NaN, 'gain')
  }
})

t.test('vectors 3 to 7 and 9 to 15: the evidence after each block, and when it first suffices', async t => {
  for (const id of [3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15]) {
    const one = vector(id)
    t.same(numbers(one, 'input', 'rho'), [...EFFECTS])
    const blocks = listAt(one, 'input', 'blocks').map(row => {
      const counts = listAt(row).map(Number)
      return counts.length === 2 ? pairOf([0, 0, ...counts]) : pairOf(counts)
    })
    const logs = run(one, blocks)
    const wanted = numbers(one, 'expect', 'logE')
    t.equal(logs.length, wanted.length)
    for (const [index, log] of logs.entries()) sixDigits(t, log, wanted[index] ?? Number.NaN, `vector ${id}, block ${index}`)
    const first = logs.findIndex(log => log >= Math.log(1 / (numberAt(one, 'input', 'alpha') ?? Number.NaN)))
    t.equal(first === -1 ? null : first, at(one, 'expect', 'firstCrossing'), `vector ${id}: first crossing`)
  }
})

t.test('the caps of the vectors come from their levels and from how many bad blocks they ask for', async t => {
  sixDigits(t, capFor(0.01, 1, EFFECTS.length, 2), numberAt(vector(4), 'input', 'lcap') ?? Number.NaN, 'worse')
  sixDigits(t, capFor(0.05, 1, EFFECTS.length, 4), numberAt(vector(12), 'input', 'lcap') ?? Number.NaN, 'fine')
})

t.test('vector 8: at low traffic, blocks are put together until both versions have a request', async t => {
  const one = vector(8)
  const comparison: Comparison = {
    with: 'concurrent',
    weight: 1,
    dispersion: numberAt(one, 'input', 'phi') ?? Number.NaN,
    worse: limitOf(one),
    fine: []
  }
  const settings: WatchSettings = {
    ...DEFAULTS,
    baseline: 'concurrent',
    counting: { from: 0, blockSeconds: 5, counters: [], warmUpSeconds: [], settleSeconds: 0 },
    badBlocks: 2,
    parts: [],
    said: []
  }
  sixDigits(t, capsOf(settings, comparison).worse, numberAt(one, 'input', 'lcap') ?? Number.NaN, 'the cap')
  let state = startComparing(comparison)
  const logs: number[] = []
  const closedAt: number[] = []
  // The vector starts a copy with every fourth block; these last no minute together, so that none starts in either.
  for (const [index, row] of listAt(one, 'input', 'rows').entries()) {
    const before = state.tested.length
    const pair = pairOf(listAt(row).map(Number))
    state = compare(settings, comparison, state, { from: 5_000 * index, to: 5_000 * (index + 1), pods: { old: 1, new: 1 }, pair })
    if (state.tested.length === before) continue
    closedAt.push(index)
    logs.push(state.worse.log)
  }
  t.same(closedAt, listAt(one, 'expect', 'closedAt'))
  t.same(
    state.tested.map(pair => [pair.old.requests, pair.old.bad, pair.new.requests, pair.new.bad]),
    listAt(one, 'expect', 'blocks')
  )
  for (const [index, wanted] of numbers(one, 'expect', 'logE').entries()) sixDigits(t, logs[index] ?? Number.NaN, wanted, `block ${index}`)
})

t.test('vector 16: how bad the past may really have been, and the limit that follows', async t => {
  const one = vector(16)
  const found = listAt(one, 'input', 'cases').map(row => {
    const [bad = 0, requests = 0, level = 0] = listAt(row).map(Number)
    return highestShare({ requests, bad }, level)
  })
  for (const [index, wanted] of numbers(one, 'expect', 'ucb').entries()) sixDigits(t, found[index] ?? Number.NaN, wanted, `case ${index}`)
})

t.test('vector 17: the dispersions', async t => {
  const one = vector(17)
  const rows = listAt(one, 'input', 'n').map((row, index) =>
    listAt(row).map((requests, pod) => ({ requests: Number(requests), bad: numberAt(one, 'input', 'x', index, pod) ?? Number.NaN }))
  )
  const time = overTime({ seconds: 15, rows: rows.map(pods => pods.reduce(sum, NOTHING)) })
  const pairs = listAt(one, 'input', 'pairRows').map(row => pairOf(listAt(row).map(Number)))
  sixDigits(t, betweenPods({ seconds: 15, rows }), numberAt(one, 'expect', 'phiPod') ?? Number.NaN, 'pods')
  sixDigits(t, time, numberAt(one, 'expect', 'phiTime') ?? Number.NaN, 'time')
  sixDigits(
    t,
    thinned(time, numberAt(one, 'input', 'fC') ?? Number.NaN),
    numberAt(one, 'expect', 'phiTimeThinned') ?? Number.NaN,
    'thinned'
  )
  sixDigits(
    t,
    largest(betweenVersions(pairs.map(pair => ({ ...pair, seconds: 15 })))),
    numberAt(one, 'expect', 'phiPair') ?? Number.NaN,
    'pairs'
  )
})

t.test('vector 18: several metrics under one total error', async t => {
  const one = vector(18)
  const logs = numbers(one, 'input', 'logE')
  const mean = logSumExp(logs) - Math.log(logs.length)
  sixDigits(t, mean, numberAt(one, 'expect', 'logMean') ?? Number.NaN, 'mean')
  t.equal(mean >= Math.log(1 / 0.01), at(one, 'expect', 'fail'))
  t.equal(
    numbers(one, 'input', 'passLogE').every(log => log >= Math.log(1 / 0.05)),
    at(one, 'expect', 'passAll')
  )
})

t.test('vector 20: the confidence sequence of the ratio', async t => {
  const one = vector(20)
  const blocks = listAt(one, 'input', 'blocks').map(row => pairOf(listAt(row).map(Number)))
  const { lower, upper } = ratioBounds(blocks, numberAt(one, 'input', 'alpha') ?? Number.NaN, 1)
  sixDigits(t, lower, numberAt(one, 'expect', 'lower') ?? Number.NaN, 'lower')
  sixDigits(t, upper, numberAt(one, 'expect', 'upper') ?? Number.NaN, 'upper')
})

t.test('an absolute bet does not look at the old version', async t => {
  const block = pairOf([0, 0, 100, 3])
  t.equal(absoluteBet('worse', 2, 0.01, block).gain, 3 * Math.LN2 - 1)
})
