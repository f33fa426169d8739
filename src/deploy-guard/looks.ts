import { SECOND } from '../base/clock.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { CountingState } from '../verification/sequential/counting/counting.ts'
import type { CountedBefore } from '../verification/sequential/counting/number-source.ts'
import type { SeenPod } from '../verification/sequential/counting/scrape.ts'
import { askedSince, firstScrapes, type LookQuestion, type MadeLook, withoutCopies } from './look-question.ts'
import type { PreparedWatch } from './prepared-watch.ts'
import { probesPerSecond } from './probes.ts'
import { lookAtProxies } from './proxy-looks.ts'

/** A block that is long enough, and waits for a pod’s scrape, is looked at again so much later at most, milliseconds. */
const AGAIN_MS = 5 * SECOND

/** And not sooner than this: each look asks the source, milliseconds. */
const SOONEST_MS = SECOND

/** A scraper keeps its time to some milliseconds. */
const JITTER_MS = 100

/** When to look next. */
export interface NextLook {
  /** The instant that is looked at: the end of a block, epoch milliseconds. */
  readonly to: number
  /** When to ask: so much later that the scrapes of before have arrived; now, where the watch is behind. */
  readonly dueAt: number
}

/**
 * The next look of a watch: at the ends of blocks, which are whole multiples of their length after the deploy. A watch that begins late,
 * or was stopped for a while, catches up block by block.
 */
export function nextLook({ settings, lagMs }: Pick<PreparedWatch, 'settings' | 'lagMs'>, counting: CountingState, now: number): NextLook {
  const { from, blockSeconds } = settings.counting
  const length = blockSeconds * SECOND
  const blockOf = (at: number): number => Math.floor((at - from) / length)
  const waits = counting.at >= from && blockOf(counting.at) > blockOf(counting.open.from)
  const end = from + (blockOf(Math.max(counting.at, from)) + 1) * length
  const to = waits ? Math.min(end, scrapeDue(counting, length)) : end
  return { to, dueAt: Math.max(now, to + lagMs) }
}

/**
 * When the last scrape comes that a block waits for: each pod is scraped at its own time, once in a block’s length. Where that is not known
 * (a pod that was not read yet, or missed a scrape), a little later.
 */
function scrapeDue({ at: seenTo, open, pods }: CountingState, length: number): number {
  const due = Object.values(pods).flatMap(({ standing, at }) => {
    const waitsFor = (standing === 'counting' || standing === 'fell') && at !== undefined && at <= open.from
    return waitsFor && at + length > seenTo ? [at + length + JITTER_MS] : []
  })
  return due.length === 0 ? seenTo + AGAIN_MS : Math.min(Math.max(...due, seenTo + SOONEST_MS), seenTo + AGAIN_MS)
}

/** What the source knows up to an instant, as the judge takes it. Never throws for what the source does. */
export async function lookFor(asked: LookQuestion, signal: AbortSignal): Promise<MadeLook> {
  const { watch, source, counting, to } = asked
  if (watch.proxies !== undefined) return lookAtProxies({ ...asked, proxies: watch.proxies }, signal)
  const pods = [...asked.pods, ...watch.gone]
  const question = { ...asked, pods }
  const { from, counters } = watch.settings.counting
  const begins = counting.at < from
  const answer = await source.scrapes({ pods, counters, from: askedSince(asked), to, countedBefore: countedBefore(question) }, signal)
  const seen = pods.filter(({ bornAt }) => bornAt <= to).map(pod => seenPod(pod, watch))
  if (answer.kind === 'unsaid')
    return { look: { at: to, pods: seen, scrapes: [] }, unsaid: { because: answer.because, detail: answer.detail } }
  const scrapes = withoutCopies(answer.value, asked).filter(({ at }) => at <= to)
  return { look: { at: to, pods: seen, scrapes: begins ? firstScrapes(scrapes, from) : scrapes } }
}

/** What was counted already. Of a pod that was born with the deploy no restart was; of an old one, all but those since the deploy. */
function countedBefore({ watch, counting, pods }: LookQuestion): Readonly<Record<string, CountedBefore>> {
  const { from } = watch.settings.counting
  return Object.fromEntries(
    pods.map(({ uid, bornAt, restarts, containers }): readonly [string, CountedBefore] => {
      const known = counting.pods[uid]
      // A fall that nothing has explained yet is the last scrape itself.
      if (known?.at !== undefined)
        return [uid, { restarts: known.restarts, explainedTo: known.standing === 'fell' ? known.at - 1 : known.at }]
      const since = (containers ?? []).filter(({ ended }) => (ended?.at ?? 0) > from).length
      return [uid, { restarts: bornAt >= from ? 0 : Math.max(0, restarts - since) }]
    })
  )
}

function seenPod(pod: GuardedPod, watch: PreparedWatch): SeenPod {
  const { uid, name, version, bornAt, readyFrom, deletedAt } = pod
  const probes = probesPerSecond(pod, watch)
  return {
    uid,
    name,
    version,
    bornAt,
    ...(readyFrom === undefined ? {} : { readyFrom }),
    ...(deletedAt === undefined ? {} : { deletedAt }),
    ...(probes === undefined ? {} : { probesPerSecond: probes })
  }
}
