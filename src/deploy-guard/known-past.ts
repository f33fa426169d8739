import { DAY, MINUTE } from '../base/clock.ts'
import { type Counter, partsOf } from '../verification/sequential/counting/counter.ts'
import type { PastNumbers, PastQuestion, PastTallies } from '../verification/sequential/counting/number-source.ts'
import type { Stretches } from '../verification/sequential/dispersion.ts'
import type { Past } from '../verification/sequential/past.ts'
import type { Baseline } from '../verification/sequential/settings.ts'
import { badShare, NOTHING, sum, type Tally } from '../verification/sequential/tally.ts'

/** What is known of one part from before the deploy. */
export interface PartPast {
  /** The old version’s half hour before the deploy, by pod; absent where it is not known. */
  readonly history?: Stretches<readonly Tally[]>
  readonly past: Past
  /** What the old version serves: requests per second, and the share of them that is bad. */
  readonly perSecond: number
  readonly share: number
}

/** Windows of bursts begin with this length; shorter steps would only load the source. Seconds. */
const HISTORY_STEP = 15

/** An hour of another day is only added up. Seconds. */
const DAY_STEP = 60

export interface PastWanted extends Omit<PastQuestion, 'from' | 'to'> {
  readonly source: { readonly name: string; readonly past?: Pick<PastNumbers, 'tallies'> } | undefined
  readonly counters: readonly Counter[]
  readonly baseline: Baseline
  /** The time of the deploy, epoch milliseconds. */
  readonly deployedAt: number
  readonly intervalSeconds: number
}

/** Reads what was before the deploy, part by part. What can't be told is absent, and said: nothing fails by it. */
export async function knownPast(
  wanted: PastWanted,
  signal: AbortSignal
): Promise<{ readonly parts: readonly PartPast[]; readonly said: readonly string[] }> {
  const { source, counters, baseline, deployedAt, intervalSeconds, target, pods } = wanted
  const said: string[] = []
  const read = async (name: string, from: number, to: number, stepSeconds: number): Promise<PastTallies | undefined> => {
    if (source?.past === undefined) return undefined
    const answer = await source.past.tallies({ target, pods, counters, from, to, stepSeconds }, signal)
    if (answer.kind === 'said') return answer.value.rows.length === 0 ? undefined : answer.value
    said.push(`${name} can’t be read from ${source.name}: ${answer.detail}`)
    return undefined
  }
  const before = baseline === 'before' || baseline === 'concurrent-and-before'
  const step = Math.max(HISTORY_STEP, Math.ceil(intervalSeconds))
  const lately = await read('the last 30 minutes', deployedAt - 30 * MINUTE, deployedAt, step)
  // Half an hour to both sides: what follows the deploy is compared with what follows that hour as well.
  const hour = (name: string, ago: number): Promise<PastTallies | undefined> =>
    read(name, deployedAt - ago - 30 * MINUTE, deployedAt - ago + 30 * MINUTE, DAY_STEP)
  const yesterday = before ? await hour('the same hour of yesterday', DAY) : undefined
  const lastWeek = before ? await hour('the same hour of last week', 7 * DAY) : undefined
  const count = counters.reduce((all, counter) => all + partsOf(counter), 0)
  const parts = Array.from({ length: count }, (_, part): PartPast => {
    const history = lately === undefined ? undefined : byPod(lately, part)
    const [lastHalfHour, sameHourYesterday, sameHourLastWeek] = [lately, yesterday, lastWeek].map(one =>
      one === undefined ? undefined : together(one, part)
    )
    const all = (lastHalfHour?.rows ?? []).reduce(sum, NOTHING)
    const seconds = lastHalfHour === undefined ? 0 : lastHalfHour.seconds * lastHalfHour.rows.length
    return {
      ...(history === undefined ? {} : { history }),
      past: {
        ...(lastHalfHour === undefined ? {} : { lastHalfHour }),
        ...(sameHourYesterday === undefined ? {} : { sameHourYesterday }),
        ...(sameHourLastWeek === undefined ? {} : { sameHourLastWeek })
      },
      perSecond: seconds === 0 ? 0 : all.requests / seconds,
      share: badShare(all)
    }
  })
  return { parts, said }
}

function byPod({ seconds, rows }: PastTallies, part: number): Stretches<readonly Tally[]> {
  return { seconds, rows: rows.map(row => row.map(pod => pod[part] ?? NOTHING)) }
}

function together({ seconds, rows }: PastTallies, part: number): Stretches<Tally> {
  return { seconds, rows: rows.map(row => row.map(pod => pod[part] ?? NOTHING).reduce(sum, NOTHING)) }
}
