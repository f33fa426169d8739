import type { Stretches, TimedPair } from '../../src/verification/sequential/dispersion.ts'
import type { Tally } from '../../src/verification/sequential/tally.ts'
import type { Chance } from './chance.ts'
import { changed, type Noise, type Scene, TICK } from './scene.ts'

/** Pods of each version. */
export const PODS = 3

/** Pods of the old version before the deploy, and how long that is looked at, in seconds. */
const PODS_BEFORE = 6
const HISTORY = 1_800
const HISTORY_ROW = 15

export interface Counts {
  readonly requests: Float64Array
  readonly bad: Float64Array
}

/** What happened in one rollout: by pod (three old ones, then three new ones) and tick. */
export interface Trace {
  readonly ticks: number
  readonly pods: readonly Counts[]
}

/** What the scrapes of all pods showed, by tick: the same for every judge. */
export interface Seen {
  readonly old: Counts
  readonly new: Counts
}

/** Draws a rollout. */
export function trace(scene: Scene, seconds: number, chance: Chance): Trace {
  const ticks = seconds / TICK
  const noise = noiseOf(scene.noise, chance, 2 * PODS)
  const draw = scene.noise === undefined ? chance.steady : chance.poisson
  const pods = Array.from({ length: 2 * PODS }, () => ({ requests: new Float64Array(ticks), bad: new Float64Array(ticks) }))
  for (let tick = 0; tick < ticks; tick += 1) {
    const at = tick * TICK
    const share = scene.newShare(at)
    const old = Math.min(1, scene.base * (scene.level?.(at) ?? 1))
    for (const [pod, counts] of pods.entries()) {
      const isNew = pod >= PODS
      const requests = (2 * scene.perSecond * TICK * (isNew ? share : 1 - share)) / PODS
      const bad = Math.min(1, (isNew ? changed(scene.change, old, at) : old) * noise(pod, isNew ? 'new' : 'old', tick))
      put(counts, tick, drawn(scene.noise, { requests, bad, draw, chance }))
    }
  }
  return { ticks, pods }
}

interface Wanted {
  readonly requests: number
  readonly bad: number
  readonly draw: (mean: number) => number
  readonly chance: Chance
}

/** Good and bad requests are Poisson each: that is the same as Poisson requests that fail independently. */
function drawn(noise: Noise | undefined, { requests, bad, draw, chance }: Wanted): Tally {
  if (noise?.kind !== 'clusters') {
    const failed = draw(requests * bad)
    return { requests: failed + draw(requests * (1 - bad)), bad: failed }
  }
  const all = draw(requests)
  let failed = 0
  for (let clusters = draw((requests * bad) / CLUSTER); clusters > 0; clusters -= 1) failed += chance.cluster(CLUSTER)
  return { requests: all, bad: Math.min(all, failed) }
}

const CLUSTER = 5

function put(counts: Counts, tick: number, { requests, bad }: Tally): void {
  counts.requests[tick] = requests
  counts.bad[tick] = bad
}

type Multiplier = (pod: number, version: 'old' | 'new', tick: number) => number

const MINUTE = 60 / TICK

function noiseOf(noise: Noise | undefined, chance: Chance, pods: number): Multiplier {
  switch (noise?.kind) {
    case undefined:
    case 'clusters':
      return () => 1
    case 'minutes': {
      const drawn = new Map<string, number>()
      return (pod, version, tick) => {
        const of = { both: '', pod: String(pod), version }[noise.of]
        const key = `${of}/${Math.floor(tick / MINUTE)}`
        let multiplier = drawn.get(key)
        if (multiplier === undefined) {
          multiplier = chance.multiplier(noise.variation)
          drawn.set(key, multiplier)
        }
        return multiplier
      }
    }
    case 'pod-bursts': {
      const until = new Array<number>(pods).fill(0)
      return (pod, _version, tick) => {
        if (tick >= (until[pod] ?? 0) && chance.uniform() < TICK / 600) until[pod] = tick + 30 / TICK
        return tick < (until[pod] ?? 0) ? 10 : 1
      }
    }
    case 'lasting': {
      const each = Array.from({ length: pods }, () => chance.lasting(0.3))
      return pod => each[pod] ?? 1
    }
  }
}

/** The old version’s half hour before the deploy, by pod. */
export function history(scene: Scene, chance: Chance): Stretches<readonly Tally[]> {
  const noise = noiseOf(scene.noise, chance, PODS_BEFORE)
  const draw = scene.noise === undefined ? chance.steady : chance.poisson
  const requests = (2 * scene.perSecond * HISTORY_ROW) / PODS_BEFORE
  const perRow = HISTORY_ROW / TICK
  const rows = Array.from({ length: HISTORY / HISTORY_ROW }, (_, row) =>
    Array.from({ length: PODS_BEFORE }, (_, pod) => {
      // The noise is drawn by tick; bursts of pods are asked of every tick.
      let multiplier = 0
      for (let tick = 0; tick < perRow; tick += 1) multiplier += noise(pod, 'old', row * perRow + tick) / perRow
      return drawn(scene.noise, { requests, bad: Math.min(1, scene.base * multiplier), draw, chance })
    })
  )
  return { seconds: HISTORY_ROW, rows }
}

/** What earlier good rollouts showed side by side, half an hour in all. */
export function earlier(scene: Scene, chance: Chance): readonly TimedPair[] {
  const { old, new: fresh } = seen(trace({ ...scene, change: { kind: 'none' } }, HISTORY, chance), 1)
  const each = HISTORY_ROW / TICK
  return Array.from({ length: HISTORY / HISTORY_ROW }, (_, row) => ({
    old: between(old, row * each, (row + 1) * each),
    new: between(fresh, row * each, (row + 1) * each),
    seconds: HISTORY_ROW
  }))
}

/** What scrapes every `every` ticks show of a trace, the pods of a version one tick after the other: data are late by up to that. */
export function seen({ ticks, pods }: Trace, every: number): Seen {
  const empty = (): Counts => ({ requests: new Float64Array(ticks), bad: new Float64Array(ticks) })
  const both = { old: empty(), new: empty() }
  for (const [pod, counts] of pods.entries()) {
    const shown = pod < PODS ? both.old : both.new
    const phase = pod % every
    for (let tick = 0; tick < ticks; tick += 1) {
      const scraped = tick + ((((phase - tick) % every) + every) % every)
      if (scraped >= ticks) continue
      shown.requests[scraped] = (shown.requests[scraped] ?? 0) + (counts.requests[tick] ?? 0)
      shown.bad[scraped] = (shown.bad[scraped] ?? 0) + (counts.bad[tick] ?? 0)
    }
  }
  return both
}

/** The counts from one tick up to another. */
export function between({ requests, bad }: Counts, from: number, to: number): Tally {
  let all = 0
  let failed = 0
  for (let tick = Math.max(0, from); tick < to; tick += 1) {
    all += requests[tick] ?? 0
    failed += bad[tick] ?? 0
  }
  return { requests: all, bad: failed }
}
