import { NOTHING, type Pair, sum } from '../tally.ts'
import type { Block } from './block.ts'
import { type Counter, partsOf, weigh } from './counter.ts'
import { type FirstReading, leave, type PartTallies, type PodState, takeReading, UNREAD } from './pod-counter.ts'
import { type Look, type Scrape, type SeenPod, VERSIONS, type Version } from './scrape.ts'
import { fromOneSource } from './source.ts'

/** Fixed for the whole watch. */
export interface CountingSettings {
  /** When the watch begins: the time of the deploy, epoch milliseconds. */
  readonly from: number
  /** The least length of a block: the scrape interval, at least 5 s. */
  readonly blockSeconds: number
  readonly counters: readonly Counter[]
  /** Seconds after a pod became Ready in which a part of it does not count, one entry a part: fresh pods are slow. */
  readonly warmUpSeconds: readonly number[]
  /**
   * What a pod does in so many seconds after it became Ready is counted in one block. Scraped in between, a bad start of ten seconds
   * would be in two blocks, which is as many as a failure needs.
   */
  readonly settleSeconds: number
}

type ByVersion<Value> = Readonly<Record<Version, Value>>

interface OpenBlock {
  readonly from: number
  readonly parts: readonly Pair[]
  /** Uids by version, one entry a part: whose counts are in it. */
  readonly pods: readonly ByVersion<readonly string[]>[]
  readonly readySeconds: ByVersion<number>
  readonly probes: ByVersion<number>
}

/** All that is remembered between two looks. Plain JSON: a restart in the middle goes on with it, and loses and repeats no block. */
export interface CountingState {
  readonly open: OpenBlock
  readonly pods: Readonly<Record<string, PodState>>
  /** The last look. */
  readonly at: number
  /** The last look that brought a new scrape of any pod. */
  readonly heardAt: number
  /** When scrapes came again after the source had been away: pods are not blamed for what came before. */
  readonly resumedAt: number
}

export interface Counted {
  readonly state: CountingState
  /** At most one block closes with a look. */
  readonly block?: Block
}

/** A pod that is not read for more than this many blocks has been missed twice. */
const MISSED_TWICE = 2

/** The state before the first look. */
export function startCounting(settings: CountingSettings): CountingState {
  const { from } = settings
  return { open: openBlock(settings, from), pods: {}, at: from - 1, heardAt: from, resumedAt: from }
}

/** Counts what a look brings. A look that is not later than the last one is a repetition, and changes nothing. */
export function countLook(settings: CountingSettings, state: CountingState, look: Look): Counted {
  if (look.at <= state.at) return { state }
  const ready = look.pods.filter(pod => isReady(pod, look.at))
  let next: CountingState = {
    ...state,
    at: look.at,
    open: lengthen(state.open, ready, (look.at - Math.max(state.at, settings.from)) / 1_000)
  }
  next = takeScrapes(settings, next, look)
  const news = look.pods.some(({ uid }) => next.pods[uid]?.at !== state.pods[uid]?.at)
  if (news) {
    const away = look.at - state.heardAt > MISSED_TWICE * settings.blockSeconds * 1_000
    next = { ...next, heardAt: look.at, resumedAt: away ? look.at : state.resumedAt }
    next = dropMissed(settings, next)
  }
  return close(settings, next, ready)
}

/** Whether a pod counts at an instant: from Ready until its deletion. */
export function isReady(pod: SeenPod, at: number): boolean {
  return pod.readyFrom !== undefined && pod.readyFrom <= at && (pod.deletedAt === undefined || pod.deletedAt > at)
}

/** The pods of a version that have been Ready for long enough to be read twice, and can't be read or believed. */
export function unreadable(settings: CountingSettings, state: CountingState, pods: readonly SeenPod[]): readonly SeenPod[] {
  const allowed = MISSED_TWICE * settings.blockSeconds * 1_000
  return pods.filter(
    pod => isReady(pod, state.at) && state.at - (pod.readyFrom ?? 0) > allowed && state.pods[pod.uid]?.standing !== 'counting'
  )
}

/** Whether the source has brought nothing for long: three blocks, at least a minute. */
export function sourceGone({ blockSeconds }: CountingSettings, { at, heardAt }: CountingState): boolean {
  return at - heardAt > Math.max(3 * blockSeconds, 60) * 1_000
}

function takeScrapes(settings: CountingSettings, state: CountingState, look: Look): CountingState {
  const byPod = Map.groupBy(look.scrapes, ({ pod }) => pod)
  let { open } = state
  const pods: Record<string, PodState> = { ...state.pods }
  for (const pod of look.pods) {
    const before = pods[pod.uid] ?? UNREAD
    const scrapes = (byPod.get(pod.uid) ?? []).filter(({ at }) => at <= (pod.deletedAt ?? Number.POSITIVE_INFINITY))
    const taken = takeScrapesOfPod(settings, { pod, before, scrapes })
    if (taken.state !== before) pods[pod.uid] = taken.state
    if (taken.tallies !== undefined) open = addToOpen(open, pod, taken.tallies)
  }
  return { ...state, open, pods }
}

interface PodAndScrapes {
  readonly pod: SeenPod
  readonly before: PodState
  readonly scrapes: readonly Scrape[]
}

function takeScrapesOfPod(settings: CountingSettings, { pod, before, scrapes }: PodAndScrapes) {
  if (scrapes.length === 0) return { state: before }
  const counted = (labels: Readonly<Record<string, string>>): boolean => weigh(settings.counters, labels).length > 0
  const { source, readings } = fromOneSource(scrapes, counted, before.source)
  let state = before
  let tallies: PartTallies | undefined
  for (const reading of readings) {
    // A reading from before the deploy is what the first one after it is compared with.
    const serves = pod.readyFrom !== undefined && reading.at >= pod.readyFrom && reading.at > settings.from
    // Counters add up: what this reading has, the next one has as well.
    if (serves && isSettling(settings, pod, reading.at)) continue
    const taken = takeReading(settings.counters, state, reading, serves ? firstReading(settings, pod, reading.at) : 'reference')
    if (serves && taken.tallies !== undefined) {
      const warm = warmParts(settings, pod, state.at)
      tallies = addTold(
        tallies,
        taken.tallies.map((tally, part) => (warm[part] === true ? tally : undefined))
      )
    }
    state = taken.state
  }
  return { state: state === before || source === '' ? state : { ...state, source }, ...(tallies === undefined ? {} : { tallies }) }
}

function isSettling({ from, settleSeconds }: CountingSettings, { readyFrom }: SeenPod, at: number): boolean {
  return readyFrom !== undefined && readyFrom >= from && at < readyFrom + settleSeconds * 1_000
}

/** Whether the pod was warm all the time since its last reading, one entry a part. */
function warmParts({ warmUpSeconds }: CountingSettings, pod: SeenPod, since: number | undefined): readonly boolean[] {
  const ready = pod.readyFrom ?? 0
  return warmUpSeconds.map(seconds => seconds === 0 || Math.max(since ?? ready, ready) >= ready + seconds * 1_000)
}

function addTold(before: PartTallies | undefined, more: PartTallies): PartTallies {
  if (before === undefined) return more
  return more.map((tally, part) => {
    const known = before[part]
    return tally === undefined ? known : sum(known ?? NOTHING, tally)
  })
}

/** A pod that was born after the deploy and became Ready just now has counted nothing that is not to be counted. */
function firstReading({ from, blockSeconds }: CountingSettings, pod: SeenPod, at: number): FirstReading {
  const justNow = at - (pod.readyFrom ?? 0) <= MISSED_TWICE * blockSeconds * 1_000
  return pod.bornAt >= from && justNow ? 'counts-from-zero' : 'reference'
}

function dropMissed(settings: CountingSettings, state: CountingState): CountingState {
  const pods: Record<string, PodState> = { ...state.pods }
  for (const [uid, known] of Object.entries(state.pods)) {
    if (known.at === undefined || known.standing === 'unread') continue
    const since = Math.max(known.at, state.resumedAt)
    if (state.at - since > MISSED_TWICE * settings.blockSeconds * 1_000) pods[uid] = leave(known)
  }
  return { ...state, pods }
}

/** Closes the block when it is long enough and every pod that can be read was read since it began. Looks at no error. */
function close(settings: CountingSettings, state: CountingState, ready: readonly SeenPod[]): Counted {
  const { open } = state
  const told = open.pods.some(pods => pods.old.length + pods.new.length > 0)
  if (!isOver(settings, open, state.at) || !told) return { state }
  const waitsFor = ready.some(pod => {
    const known = state.pods[pod.uid]
    if (known === undefined || known.at === undefined)
      return state.at - Math.max(pod.readyFrom ?? 0, state.resumedAt) <= MISSED_TWICE * settings.blockSeconds * 1_000
    return (known.standing === 'counting' || known.standing === 'fell') && known.at <= open.from
  })
  if (waitsFor) return { state }
  const { from, parts, readySeconds, probes } = open
  const pods = open.pods.map(uids => byVersion(version => uids[version].length))
  const block: Block = { from, to: state.at, parts, readySeconds, probes, pods }
  return { state: { ...state, open: openBlock(settings, state.at) }, block }
}

/**
 * Blocks end at whole multiples of their length after the deploy, or with the first look after that. Were they counted from the last
 * look, a tenth of a second that an answer comes sooner would make a block twice as long.
 */
function isOver({ from, blockSeconds }: CountingSettings, open: OpenBlock, at: number): boolean {
  const length = blockSeconds * 1_000
  return Math.floor((at - from) / length) > Math.floor((open.from - from) / length)
}

function openBlock({ counters }: CountingSettings, from: number): OpenBlock {
  const parts = counters.reduce((all, counter) => all + partsOf(counter), 0)
  return {
    from,
    parts: Array.from({ length: parts }, () => ({ old: NOTHING, new: NOTHING })),
    pods: Array.from({ length: parts }, () => ({ old: [], new: [] })),
    readySeconds: { old: 0, new: 0 },
    probes: { old: 0, new: 0 }
  }
}

function lengthen(open: OpenBlock, ready: readonly SeenPod[], seconds: number): OpenBlock {
  const added = (version: Version, of: (pod: SeenPod) => number): number =>
    ready.filter(pod => pod.version === version).reduce((all, pod) => all + of(pod) * seconds, 0)
  return {
    ...open,
    readySeconds: byVersion(version => open.readySeconds[version] + added(version, () => 1)),
    probes: byVersion(version => open.probes[version] + added(version, pod => pod.probesPerSecond ?? 0))
  }
}

function byVersion<Value>(of: (version: Version) => Value): Record<Version, Value> {
  const [old, next] = VERSIONS
  return { old: of(old), new: of(next) }
}

function addToOpen(open: OpenBlock, { uid, version }: SeenPod, tallies: PartTallies): OpenBlock {
  return {
    ...open,
    parts: open.parts.map((pair, part) => ({ ...pair, [version]: sum(pair[version], tallies[part] ?? NOTHING) })),
    pods: open.pods.map((uids, part) =>
      tallies[part] === undefined || uids[version].includes(uid) ? uids : { ...uids, [version]: [...uids[version], uid] }
    )
  }
}
