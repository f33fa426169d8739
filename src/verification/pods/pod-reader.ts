import type { Clock } from '../../base/clock.ts'
import type { GuardedPod } from '../../domain/guarded-pod.ts'
import type { PageAnswer, PodPage, PodPages } from '../../domain/ports/pod-pages.ts'
import type { Labels, Series } from '../sequential/counting/scrape.ts'
import { ACCEPT, createExpositionReader } from './exposition.ts'
import { type PageOption, pageOf } from './pod-page.ts'

export interface PodReaderParts {
  readonly pages: PodPages
  readonly clock: Clock
  readonly option?: PageOption
}

export type PodReading =
  | { readonly kind: 'read'; readonly at: number; readonly series: readonly Series[]; readonly page: PodPage }
  | { readonly kind: 'unread'; readonly because: Extract<PageAnswer, { readonly kind: 'failed' }>['because']; readonly detail: string }

/** Reads the metrics of one pod. `known`: its labels as earlier readings have them. */
export async function readPod(
  { pages, clock, option }: PodReaderParts,
  pod: GuardedPod,
  { wanted, known }: { readonly wanted: (name: string) => boolean; readonly known: Map<string, Labels> },
  signal: AbortSignal
): Promise<PodReading> {
  const found = pageOf(pod, option)
  // Waiting would not change it.
  if (found.kind === 'none') return { kind: 'unread', because: 'rejected', detail: found.detail }
  const reader = createExpositionReader({ wanted, known })
  let at: number | undefined
  const take = (chunk: Uint8Array): boolean => {
    // The pod counted until it began to answer, and not until all of it arrived.
    at ??= clock.now()
    return reader.take(chunk)
  }
  const answer = await pages.read({ pod, page: found.page, accept: ACCEPT, take }, signal)
  if (answer.kind === 'failed') return { kind: 'unread', because: answer.because, detail: answer.detail }
  const said = reader.end(answer.contentType)
  const where = `port ${found.page.port}, ${found.page.path}`
  if (said.kind === 'unusable') return { kind: 'unread', because: said.because, detail: `${where}: ${said.detail}` }
  return { kind: 'read', at: at ?? clock.now(), series: said.series, page: found.page }
}
