import { badShare, NOTHING, type Pair, sum, type Tally } from './tally.ts'

/**
 * Real errors come in bursts, so counts vary more than independent errors would. The dispersion φ says how many times more (1: not at
 * all). It is measured before the deploy over windows of these lengths in seconds, and the largest counts: bursts of minutes do not
 * show in windows of 15 s.
 */
export const DISPERSION_WINDOWS = [15, 60, 120, 300] as const

/** What was seen in equally long stretches of time, in their order. */
export interface Stretches<Row> {
  readonly seconds: number
  readonly rows: readonly Row[]
}

/** Chi-square terms and how many there were: added over rollouts, they give one dispersion. */
export interface Spread {
  readonly chiSquare: number
  readonly degrees: number
}

export const NO_SPREAD: Spread = { chiSquare: 0, degrees: 0 }

/** Between the pods of one version at the same time: a bad node, a hot shard, bursts in single pods. */
export function betweenPods(history: Stretches<readonly Tally[]>): number {
  return largest(windowed(history, addPods).map(windows => total(windows.map(podSpread))))
}

/** Of one version over time; all of its pods together. */
export function overTime(history: Stretches<Tally>): number {
  return largest(windowed(history, rows => rows.reduce(sum, NOTHING)).map(timeSpread))
}

/** Both versions side by side for some time: a block that was tested. */
export interface TimedPair extends Pair {
  readonly seconds: number
}

/**
 * Between both versions of one rollout that was good: one spread for each window length, to be kept and added up. Blocks are of any
 * length; a window is full when its blocks together are long enough.
 */
export function betweenVersions(blocks: readonly TimedPair[]): readonly Spread[] {
  return DISPERSION_WINDOWS.map(length => {
    let spread = NO_SPREAD
    let window: TimedPair = { old: NOTHING, new: NOTHING, seconds: 0 }
    for (const block of blocks) {
      window = joined(window, block)
      if (window.seconds < length) continue
      spread = addSpreads(spread, pairSpread(window))
      window = { old: NOTHING, new: NOTHING, seconds: 0 }
    }
    return spread
  })
}

/** Two neighbouring blocks as one. */
export function joined(a: TimedPair, b: TimedPair): TimedPair {
  return { old: sum(a.old, b.old), new: sum(a.new, b.new), seconds: a.seconds + b.seconds }
}

/** The largest dispersion of several spreads, at least 1. */
export function largest(spreads: readonly Spread[]): number {
  return Math.max(1, ...spreads.filter(({ degrees }) => degrees > 0).map(({ chiSquare, degrees }) => chiSquare / degrees))
}

/** The dispersion over time as the new version sees it while it has only a share of the traffic: small shares see less of it. */
export function thinned(overTime: number, newShare: number): number {
  return Math.max(1, 1 + 2 * newShare * (1 - newShare) * (overTime - 1))
}

export function addSpreads(a: Spread, b: Spread): Spread {
  return { chiSquare: a.chiSquare + b.chiSquare, degrees: a.degrees + b.degrees }
}

const total = (spreads: readonly Spread[]): Spread => spreads.reduce(addSpreads, NO_SPREAD)

/** The rows put together into whole windows of each length; a rest that fills no window is left out. */
function windowed<Row>({ seconds, rows }: Stretches<Row>, add: (rows: readonly Row[]) => Row): readonly (readonly Row[])[] {
  return DISPERSION_WINDOWS.map(length => {
    const each = Math.max(1, Math.round(length / seconds))
    const windows: Row[] = []
    for (let from = 0; from + each <= rows.length; from += each)
      windows.push(each === 1 ? (rows[from] ?? add([])) : add(rows.slice(from, from + each)))
    return windows
  })
}

function addPods(rows: readonly (readonly Tally[])[]): readonly Tally[] {
  const pods = Math.max(0, ...rows.map(row => row.length))
  return Array.from({ length: pods }, (_, pod) => {
    let [requests, bad] = [0, 0]
    for (const row of rows) {
      requests += row[pod]?.requests ?? 0
      bad += row[pod]?.bad ?? 0
    }
    return { requests, bad }
  })
}

/** Pearson’s chi-square of each pod against all of them together. Windows without any bad request tell nothing. */
function podSpread(pods: readonly Tally[]): Spread {
  const serving = pods.filter(({ requests }) => requests > 0)
  const share = badShare(serving.reduce(sum, NOTHING))
  if (share === 0 || share === 1 || serving.length < 2) return NO_SPREAD
  return { chiSquare: chiSquare(serving, share), degrees: serving.length - 1 }
}

function timeSpread(windows: readonly Tally[]): Spread {
  const serving = windows.filter(({ requests }) => requests > 0)
  const share = badShare(serving.reduce(sum, NOTHING))
  if (share === 0 || share === 1 || serving.length < 2) return NO_SPREAD
  return { chiSquare: chiSquare(serving, share), degrees: serving.length - 1 }
}

function chiSquare(tallies: readonly Tally[], share: number): number {
  return tallies.reduce((all, { requests, bad }) => all + (bad - requests * share) ** 2 / (requests * share * (1 - share)), 0)
}

/** How far the new version’s part of the bad requests is from its part of all requests. */
function pairSpread(pair: Pair): Spread {
  const bad = pair.old.bad + pair.new.bad
  const part = pair.new.requests / (pair.old.requests + pair.new.requests)
  if (bad === 0 || !(part > 0 && part < 1)) return NO_SPREAD
  return { chiSquare: (pair.new.bad - bad * part) ** 2 / (bad * part * (1 - part)), degrees: 1 }
}
