import type { Block } from '../../../../src/verification/sequential/counting/block.ts'
import type { Counter } from '../../../../src/verification/sequential/counting/counter.ts'
import {
  type CountingSettings,
  type CountingState,
  countLook,
  startCounting
} from '../../../../src/verification/sequential/counting/counting.ts'
import type { Look, Scrape, SeenPod, Series, Version } from '../../../../src/verification/sequential/counting/scrape.ts'
import { startWatch, type WatchState, watchLook } from '../../../../src/verification/sequential/judge.ts'
import type { Dispersion } from '../../../../src/verification/sequential/known-dispersion.ts'
import { prepare, type WatchPlan } from '../../../../src/verification/sequential/prepare.ts'
import type { WatchSettings } from '../../../../src/verification/sequential/settings.ts'
import type { Tally } from '../../../../src/verification/sequential/tally.ts'

/** The time of the deploy; looks and scrapes are told in seconds after it. */
export const DEPLOY = 1_760_000_000_000

export const at = (seconds: number): number => DEPLOY + seconds * 1_000

export const ERRORS: Counter = { kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'code' }

export const SETTINGS: CountingSettings = { from: DEPLOY, blockSeconds: 15, counters: [ERRORS], warmUpSeconds: [0], settleSeconds: 0 }

/** An old pod that was there long before, or a new one that is born with the deploy and Ready at once. */
export function pod(uid: string, version: Version, more: Partial<SeenPod> = {}): SeenPod {
  const born = version === 'old' ? at(-86_400) : at(0)
  return { uid, name: `${version}-${uid}`, version, bornAt: born, readyFrom: born, ...more }
}

/** The two counters of a pod, good and bad answers, with the labels that a target adds. */
export function counters({ requests, bad }: Tally, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
  const series = (code: string, value: number): Series => ({ labels: { __name__: 'http_requests_total', code, ...labels }, value })
  return [series('200', requests - bad), ...(bad > 0 ? [series('500', bad)] : [])]
}

export function scrape(
  uid: string,
  seconds: number,
  tally: Tally,
  more: { readonly restarts?: number; readonly labels?: Readonly<Record<string, string>> } = {}
): Scrape {
  return { pod: uid, at: at(seconds), restarts: more.restarts ?? 0, series: counters(tally, more.labels) }
}

export function look(seconds: number, pods: readonly SeenPod[], scrapes: readonly Scrape[]): Look {
  return { at: at(seconds), pods, scrapes }
}

/** The blocks that looks close, and the state after them. */
export function counted(
  looks: readonly Look[],
  settings: CountingSettings = SETTINGS
): { readonly blocks: readonly Block[]; readonly state: CountingState } {
  let state = startCounting(settings)
  const blocks: Block[] = []
  for (const one of looks) {
    const { state: next, block } = countLook(settings, state, one)
    state = next
    if (block !== undefined) blocks.push(block)
  }
  return { blocks, state }
}

/** What the blocks and the open one have of a version, added up. */
export function total({ blocks, state }: ReturnType<typeof counted>, version: Version): Tally {
  const pairs = [...blocks.flatMap(block => block.parts), ...state.open.parts]
  return pairs.reduce((all, pair) => ({ requests: all.requests + pair[version].requests, bad: all.bad + pair[version].bad }), {
    requests: 0,
    bad: 0
  })
}

/** Errors that are known to come independently. */
export const QUIET: Dispersion = { kind: 'known', concurrent: 1, overTime: 1, from: 'history' }

export const METRICS = [{ metric: 'errors', counter: ERRORS, parts: [{ name: 'errors', dispersion: QUIET }] }] as const

/** The settings of a watch of errors, side by side unless told otherwise. */
export function watchOf(plan: Partial<WatchPlan> = {}): WatchSettings {
  return prepare({
    baseline: 'concurrent',
    from: DEPLOY,
    metrics: METRICS,
    ...plan
  })
}

/** What one pod serves: requests per second, and the share of them that is bad from a time on. */
export interface Serves {
  readonly pod: SeenPod
  readonly perSecond: number
  readonly bad?: number
  readonly badFrom?: number
}

/** Looks every `every` seconds from the deploy on, each with a scrape of every pod that is there; counts are exact, and rounded down. */
export function traffic(seconds: number, serving: readonly Serves[], every = 15): readonly Look[] {
  const pods = serving.map(one => one.pod)
  return Array.from({ length: Math.floor(seconds / every) + 1 }, (_, index) => {
    const now = every * index
    const there = serving.filter(({ pod: one }) => (one.readyFrom ?? 0) <= at(now) && (one.deletedAt ?? Number.POSITIVE_INFINITY) > at(now))
    const scrapes = there.map(one => {
      const lives = now - Math.max(0, ((one.pod.readyFrom ?? DEPLOY) - DEPLOY) / 1_000)
      const badFor = Math.max(0, Math.min(lives, now - (one.badFrom ?? 0)))
      return scrape(one.pod.uid, now, {
        requests: Math.floor(one.perSecond * lives),
        bad: Math.floor(one.perSecond * badFor * (one.bad ?? 0))
      })
    })
    return look(now, pods, scrapes)
  })
}

/** A watch after all of the looks. */
export function watched(settings: WatchSettings, looks: readonly Look[]): WatchState {
  return looks.reduce((state, one) => watchLook(settings, state, one), startWatch(settings))
}
