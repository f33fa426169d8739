import { SECOND } from '../base/clock.ts'
import type { DeployGuard } from '../domain/deploy-guard.ts'
import { countLook, startCounting } from '../verification/sequential/counting/counting.ts'
import type { Version } from '../verification/sequential/counting/scrape.ts'
import { highestShare, lowestShare } from '../verification/sequential/history-bound.ts'
import { PAST_MARGIN } from '../verification/sequential/past.ts'
import { PAST_SHARE } from '../verification/sequential/settings.ts'
import { lookFor } from './looks.ts'
import type { GuardMemory } from './memory.ts'
import { rememberPods } from './pod-memory.ts'
import type { GuardPorts } from './ports.ts'
import { type Numbers, sourceNamed } from './sessions.ts'

/** One part of what a version served in a block, and the share of it that may be bad. */
export interface ServedPart {
  readonly name: string
  readonly metric: string
  readonly verdict: 'pass' | 'fail' | 'inconclusive'
  readonly requests: number
  readonly bad: number
  readonly limit: number
}

/** How one version did in one block, part by part, against what the guard saw of the old version. */
export type Served =
  | { readonly kind: 'served'; readonly parts: readonly ServedPart[] }
  | { readonly kind: 'unknown'; readonly detail: string }

interface Asked {
  readonly guard: DeployGuard
  readonly memory: GuardMemory
  readonly numbers: Numbers
  readonly version: Version
}

/** The chance that a block of a version that does as it did before counts as a failure. */
const LEVEL = 0.05

/** Counts one block anew. @param block instants, Astern's clock */
export async function servedIn(
  { cluster }: Pick<GuardPorts, 'cluster'>,
  { guard, memory, numbers, version }: Asked,
  block: { readonly from: number; readonly to: number },
  signal: AbortSignal
): Promise<Served> {
  const judged = guard.version
  if (judged === undefined) return { kind: 'unknown', detail: 'the guard judged no version' }
  const looked = await cluster.look(guard.target, judged.identity, signal)
  if (looked.kind !== 'found') return { kind: 'unknown', detail: `the target could not be read: ${looked.detail}` }
  const { pods } = rememberPods(memory.pods, { at: block.to, pods: looked.pods })
  const { watching } = memory
  const limits = limitsOf(memory)
  // What Kubernetes shows is all there is where nothing was counted before: a complete rollout is what is asked besides.
  if (watching === undefined || limits.length === 0)
    return { kind: 'served', parts: [ready(pods.filter(pod => pod.version === version && pod.deletedAt === undefined))] }
  const { watch } = watching
  const { settings } = watch
  const blockSeconds = Math.max(1, Math.floor((block.to - block.from) / SECOND))
  const counting = {
    ...settings.counting,
    from: block.from,
    blockSeconds,
    settleSeconds: 0,
    warmUpSeconds: settings.counting.warmUpSeconds.map(() => 0)
  }
  const source = sourceNamed(numbers, watch.source)
  if (source === undefined) return { kind: 'unknown', detail: `the numbers came from ${watch.source}, which is not configured any more` }
  const anew = { ...watch, settings: { ...settings, counting } }
  const made = await lookFor({ watch: anew, source, counting: startCounting(counting), pods, to: block.to, serves: version }, signal)
  if (made.unsaid !== undefined) return { kind: 'unknown', detail: made.unsaid.detail }
  const { state, block: closed } = countLook(counting, startCounting(counting), made.look)
  const counted = closed?.parts ?? state.open.parts
  return {
    kind: 'served',
    parts: limits.map(({ index, name, metric, limit }) => {
      const { requests, bad } = counted[index]?.[version] ?? { requests: 0, bad: 0 }
      const verdict = requests === 0 ? 'inconclusive' : lowestShare({ requests, bad }, LEVEL) <= limit ? 'pass' : 'fail'
      return { name, metric, verdict, requests, bad, limit }
    })
  }
}

/**
 * What is tolerated of each part: what the old version did while the guard watched, with the margin of a comparison with the past. Where it
 * was not compared side by side, it is the limit that the failure itself was judged by.
 */
function limitsOf({ watching }: GuardMemory) {
  if (watching === undefined) return []
  return watching.watch.settings.parts.flatMap(({ name, metric, comparisons }, index) => {
    const old = watching.state.parts[index]?.seen.old
    if (old !== undefined && old.requests > 0)
      return [{ index, name, metric, limit: Math.min(1, PAST_MARGIN.ratio * highestShare(old, PAST_SHARE) + PAST_MARGIN.add) }]
    const shares = comparisons.flatMap(({ worse }) => (worse?.kind === 'absolute' ? [worse.share] : []))
    return shares.length === 0 ? [] : [{ index, name, metric, limit: Math.min(...shares) }]
  })
}

function ready(pods: readonly { readonly readyFrom?: number }[]) {
  const bad = pods.filter(({ readyFrom }) => readyFrom === undefined).length
  const verdict = pods.length === 0 ? 'inconclusive' : bad === 0 ? 'pass' : 'fail'
  return { name: 'pods that are not Ready', metric: '', verdict, requests: pods.length, bad, limit: 0 } as const
}
