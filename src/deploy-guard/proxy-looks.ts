import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { SeenPod, Version } from '../verification/sequential/counting/scrape.ts'
import { nameOfProxy } from '../verification/series/proxy-series.ts'
import { askedSince, firstScrapes, type LookQuestion, type MadeLook, withoutCopies } from './look-question.ts'
import type { CountedProxies } from './prepared-watch.ts'

/**
 * What proxies counted up to an instant. The judge takes each proxy for a pod of the version that serves; one that is scraped no more is
 * left out, for it may be gone.
 */
export async function lookAtProxies(asked: LookQuestion & { readonly proxies: CountedProxies }, signal: AbortSignal): Promise<MadeLook> {
  const { watch, source, counting, to, serves = 'new' } = asked
  const { from, counters } = watch.settings.counting
  const answer = await source.scrapes({ pods: [], counters, from: askedSince(asked), to }, signal)
  if (answer.kind === 'unsaid')
    return { look: { at: to, pods: [], scrapes: [] }, unsaid: { because: answer.because, detail: answer.detail } }
  const readyFrom = aloneFrom(asked, serves)
  const uids = [...new Set(answer.value.map(({ pod }) => pod))]
  const pods = uids.map(
    (uid): SeenPod => ({
      uid,
      name: nameOfProxy(uid),
      version: serves,
      // It was there before the deploy: what its counters had by then is not of this version.
      bornAt: 0,
      ...(readyFrom === undefined ? {} : { readyFrom })
    })
  )
  return { look: { at: to, pods, scrapes: counting.at < from ? firstScrapes(answer.value, from) : withoutCopies(answer.value, asked) } }
}

/**
 * Since when one version serves alone; undefined while the other one has pods, or it has none that are Ready. A proxy does not tell whose a
 * request was: what both served together says little of either, and the old version’s good requests would let a bad one pass.
 */
function aloneFrom(
  { watch, pods, to, proxies }: LookQuestion & { readonly proxies: CountedProxies },
  version: Version
): number | undefined {
  const [own, others] = [pods.filter(pod => pod.version === version), pods.filter(pod => pod.version !== version)]
  if (others.some(pod => pod.bornAt <= to && !isGone(pod, to))) return undefined
  const ready = own.flatMap(({ readyFrom }) => readyFrom ?? []).filter(at => at <= to)
  if (ready.length === 0) return undefined
  const gone = others.flatMap(({ deletedAt }) => deletedAt ?? [])
  return Math.max(watch.settings.counting.from, Math.min(...ready), ...gone, ...(version === 'new' ? [proxies.aloneSince ?? 0] : []))
}

function isGone({ deletedAt }: GuardedPod, at: number): boolean {
  return deletedAt !== undefined && deletedAt <= at
}
