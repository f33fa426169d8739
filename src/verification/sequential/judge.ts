import { type ComparisonState, compare, meanEvidence, type PartBlock, startComparing } from './comparing.ts'
import type { Block } from './counting/block.ts'
import { type CountingState, countLook, sourceGone, startCounting, unreadable } from './counting/counting.ts'
import type { Look, Version } from './counting/scrape.ts'
import { levelsOf, type PartSettings, type WatchSettings } from './settings.ts'
import { NOTHING, type Pair, sum } from './tally.ts'

export interface PartState {
  readonly comparisons: readonly ComparisonState[]
  /** All that was counted for it while the versions that it compares had pods. */
  readonly seen: Pair
}

/** How a watch ended. It never changes afterwards. */
export interface Decision {
  readonly kind: 'pass' | 'fail' | 'inconclusive'
  readonly at: number
  /** Of a pass: the index of the tightest margin that was proven, for every part. */
  readonly proven?: readonly number[]
}

/** What the versions served. Requests and pod-seconds count while both had pods, for the new version’s share of what it could serve. */
export interface Serving {
  readonly requests: Readonly<Record<Version, number>>
  readonly readySeconds: Readonly<Record<Version, number>>
  /** All requests of the new version, and how many of them are probes by its pods’ specs. */
  readonly newRequests: number
  readonly newProbes: number
  /** The end of the last block in which both had pods, epoch milliseconds. */
  readonly bothTo?: number
}

/** All that is remembered of a watch. Plain JSON: it goes on after a restart as if there had been none. */
export interface WatchState {
  readonly counting: CountingState
  readonly parts: readonly PartState[]
  readonly serving: Serving
  /** Names of the new version’s pods that should be read, and can't be. */
  readonly unreadable: readonly string[]
  /** Whether pods of the new version were read at the last look, and not one of them has a series of what is counted. */
  readonly silent: boolean
  /** The end of the last tested block. */
  readonly testedTo?: number
  readonly decision?: Decision
}

/** A bad version whose evidence of being worse lies above this is not passed, whatever speaks for it. */
const DOUBT = Math.LN2

/** A watch before its first look. */
export function startWatch(settings: WatchSettings): WatchState {
  return {
    counting: startCounting(settings.counting),
    parts: settings.parts.map(({ comparisons }) => ({
      comparisons: comparisons.map(startComparing),
      seen: { old: NOTHING, new: NOTHING }
    })),
    serving: { requests: { old: 0, new: 0 }, readySeconds: { old: 0, new: 0 }, newRequests: 0, newProbes: 0 },
    unreadable: [],
    silent: false
  }
}

/** The watch after one more look. A look that is not later than the last one changes nothing, and neither does any after the end. */
export function watchLook(settings: WatchSettings, state: WatchState, look: Look): WatchState {
  if (state.decision !== undefined || look.at <= state.counting.at) return state
  const { state: counting, block } = countLook(settings.counting, state.counting, look)
  const fresh = look.pods.filter(({ version }) => version === 'new')
  const names = unreadable(settings.counting, counting, fresh).map(({ name }) => name)
  const read = fresh.flatMap(({ uid }) => (counting.pods[uid]?.standing === 'counting' ? [counting.pods[uid].values] : []))
  const silent = read.length > 0 && read.every(values => Object.keys(values).length === 0)
  const looked: WatchState = { ...state, counting, unreadable: names, silent }
  return decide(settings, block === undefined ? looked : testBlock(settings, looked, block), look.at)
}

/** Tests one closed block. (The benchmark comes in here: its traces are blocks.) */
export function testBlock(settings: WatchSettings, state: WatchState, block: Block): WatchState {
  return {
    ...state,
    testedTo: block.to,
    parts: state.parts.map((part, index) => {
      const own = settings.parts[index]
      const pair = block.parts[index]
      const pods = block.pods[index]
      return own === undefined || pair === undefined || pods === undefined
        ? part
        : testPart(settings, own, part, { from: block.from, to: block.to, pods, pair })
    }),
    serving: served(state.serving, block)
  }
}

function served(serving: Serving, { to, parts, pods, readySeconds, probes }: Block): Serving {
  const both = pods.some(one => one.old > 0 && one.new > 0)
  const added = (before: Readonly<Record<Version, number>>, more: Readonly<Record<Version, number>>): Readonly<Record<Version, number>> =>
    both ? { old: before.old + more.old, new: before.new + more.new } : before
  // The parts count the same requests, but a latency leaves out those of pods that are warming up.
  const most = (version: Version): number => Math.max(0, ...parts.map(pair => pair[version].requests))
  const requests = { old: most('old'), new: most('new') }
  return {
    ...serving,
    ...(both ? { bothTo: to } : {}),
    requests: added(serving.requests, requests),
    readySeconds: added(serving.readySeconds, readySeconds),
    newRequests: serving.newRequests + requests.new,
    newProbes: serving.newProbes + probes.new
  }
}

function testPart(settings: WatchSettings, own: PartSettings, part: PartState, block: PartBlock): PartState {
  const counts = block.pods.new > 0 && (block.pods.old > 0 || own.comparisons.some(comparison => comparison.with !== 'concurrent'))
  return {
    comparisons: part.comparisons.map((state, index) => {
      const comparison = own.comparisons[index]
      return comparison === undefined ? state : compare(settings, comparison, state, block)
    }),
    seen: counts ? { old: sum(part.seen.old, block.pair.old), new: sum(part.seen.new, block.pair.new) } : part.seen
  }
}

/** Decides by what has been tested so far. Failing comes first: evidence of it may be acted on at any time. */
export function decide(settings: WatchSettings, state: WatchState, at: number): WatchState {
  const seconds = (at - settings.counting.from) / 1_000
  if (worseEvidence(settings, state) >= Math.log(1 / levelsOf(settings).worse)) return { ...state, decision: { kind: 'fail', at } }
  if (seconds >= settings.soakSeconds && barsToPass(settings, state).length === 0) {
    const proven = provenMargins(settings, state)
    if (proven !== undefined) return { ...state, decision: { kind: 'pass', at, proven } }
  }
  return seconds >= settings.deadlineSeconds ? { ...state, decision: { kind: 'inconclusive', at } } : state
}

/** The evidence that the new version is beyond the tolerance, all parts together, as a logarithm. */
export function worseEvidence(settings: WatchSettings, state: WatchState): number {
  return meanEvidence(state.parts.flatMap((part, index) => worseOf(settings.parts[index], part)))
}

/** The evidence of one part that the new version is beyond the tolerance. */
export function worseOfPart(own: PartSettings, part: PartState): number {
  return meanEvidence(worseOf(own, part))
}

function worseOf(own: PartSettings | undefined, part: PartState): readonly { readonly weight: number; readonly log: number }[] {
  return part.comparisons.map(({ worse }, index) => ({ weight: own?.comparisons[index]?.weight ?? 0, log: worse.log }))
}

/** The evidence of one part that the new version is within each of its `fine` margins. */
export function fineOfPart(own: PartSettings, part: PartState): readonly number[] {
  return own.fine.map((_, margin) =>
    meanEvidence(part.comparisons.map(({ fine }, index) => ({ weight: own.comparisons[index]?.weight ?? 0, log: fine[margin]?.log ?? 0 })))
  )
}

/** For every part, the index of the tightest margin that the new version is proven to be within; undefined unless every part has one. */
export function provenMargins(settings: WatchSettings, state: WatchState): readonly number[] | undefined {
  const needed = Math.log(1 / levelsOf(settings).fine)
  const proven = state.parts.map((part, index) => {
    const own = settings.parts[index]
    if (own === undefined || worseOfPart(own, part) > DOUBT) return -1
    return fineOfPart(own, part).findIndex(log => log >= needed)
  })
  return proven.length === 0 || proven.includes(-1) ? undefined : proven
}

/** What stands in the way of a pass, whatever the evidence says. */
const BARS = ['source-gone', 'new-pods-unreadable', 'no-traffic', 'new-version-starved'] as const
export type Bar = (typeof BARS)[number]

/** Probes come a little oftener than their period says, and a few before a pod is Ready. */
const PROBE_SLACK = 1.25
const PROBES_AT_START = 10

/** Of the share of requests that its ready pods would give it, the new version must serve half. */
const LEAST_SHARE = 0.5

/** Whether a watch that compares both versions side by side can learn no more: the old one has been without pods for two blocks. */
export function oldVersionGone({ baseline, counting }: WatchSettings, { serving, testedTo }: WatchState): boolean {
  const sideBySide = baseline === 'concurrent' || baseline === 'concurrent-and-before'
  return sideBySide && serving.bothTo !== undefined && (testedTo ?? 0) - serving.bothTo >= 2_000 * counting.blockSeconds
}

/** Which of them stand in the way now, the most telling first. */
export function barsToPass(settings: WatchSettings, state: WatchState): readonly Bar[] {
  const { requests, readySeconds, newRequests, newProbes } = state.serving
  const real = newProbes === 0 ? newRequests : newRequests - PROBE_SLACK * newProbes - PROBES_AT_START
  const share = requests.new / (requests.old + requests.new)
  const readyShare = readySeconds.new / (readySeconds.old + readySeconds.new)
  const bars: readonly (readonly [Bar, boolean])[] = [
    ['source-gone', sourceGone(settings.counting, state.counting)],
    ['new-pods-unreadable', state.unreadable.length > 0],
    ['no-traffic', !(real > 0)],
    ['new-version-starved', requests.new > 0 && share < LEAST_SHARE * readyShare]
  ]
  return bars.filter(([, holds]) => holds).map(([bar]) => bar)
}
