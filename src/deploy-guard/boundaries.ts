import { MINUTE } from '../base/clock.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { ObjectRef } from '../domain/objects.ts'
import { chooseBoundaries, type SlowShare, slowShares } from '../verification/sequential/counting/latency.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import { isProbe } from '../verification/sequential/counting/real-traffic.ts'
import type { Labels } from '../verification/sequential/counting/scrape.ts'

export interface BoundariesQuestion {
  readonly source: NumberSource
  /** The source that knows the past; absent where none does. */
  readonly past: NumberSource | undefined
  readonly histogram: string
  readonly target: ObjectRef
  readonly pods: readonly GuardedPod[]
  readonly labels: readonly Labels[]
  readonly probePaths: readonly string[]
  readonly deployedAt: number
  readonly now: number
}

/** The boundaries, by what they were chosen, and none where no bucket fits; or nothing yet, for no pod was read so far. */
export type Boundaries = { readonly boundaries: readonly number[]; readonly by: string } | 'nothing-read-yet'

/** The boundaries that a latency is judged at, by what the old version did. */
export async function boundariesOf(question: BoundariesQuestion, signal: AbortSignal): Promise<Boundaries> {
  const { past, histogram: metric, target, pods, probePaths, deployedAt } = question
  const lately = await past?.past?.slowShares({ target, pods, metric, probePaths, from: deployedAt - 30 * MINUTE, to: deployedAt }, signal)
  const boundaries = lately?.kind === 'said' ? chooseBoundaries(lately.value) : []
  if (boundaries.length > 0) return { boundaries, by: 'the last 30 minutes before the deploy' }
  const shares = await sinceTheyStarted(question, signal)
  return shares === 'nothing-read-yet'
    ? shares
    : { boundaries: chooseBoundaries(shares), by: `what the ${pods[0]?.version ?? 'old'} pods counted since they started` }
}

/** Where no source keeps the past, the old pods’ own counters tell: they have added up since the pods started. */
async function sinceTheyStarted(
  { source, histogram: metric, pods, labels, probePaths, now }: BoundariesQuestion,
  signal: AbortSignal
): Promise<readonly SlowShare[] | 'nothing-read-yet'> {
  const name = `${metric}_bucket`
  const boundaries = [
    ...new Set(labels.flatMap(one => (one['__name__'] === name ? [Number(one['le'])] : [])).filter(le => Number.isFinite(le)))
  ]
  if (boundaries.length === 0) return []
  const counters = [{ kind: 'latency', metric, boundaries } as const]
  const found = await source.scrapes({ pods, counters, from: now - 5 * MINUTE, to: now }, signal)
  if (found.kind === 'unsaid') return []
  if (found.value.length === 0) return 'nothing-read-yet'
  const counts = new Map<string, number>()
  for (const scrapes of Map.groupBy(found.value, ({ pod }) => pod).values()) {
    const last = scrapes.toSorted((a, b) => a.at - b.at).at(-1)
    for (const { labels: one, value } of last?.series ?? []) {
      if (one['__name__'] !== name || isProbe(one, probePaths)) continue
      counts.set(one['le'] ?? '', (counts.get(one['le'] ?? '') ?? 0) + value)
    }
  }
  return slowShares([...counts].map(([le, count]) => ({ le, count })))
}
