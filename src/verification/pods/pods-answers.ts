import { shownText } from '../../base/shown-text.ts'
import type { Said } from '../sequential/counting/number-source.ts'
import type { PodReading } from './pod-reader.ts'

export type UnreadReading = Extract<PodReading, { readonly kind: 'unread' }>

/** Characters of why a pod is not read. */
export const TOLD = 300

/** What broke in the reading of one pod must not end the others'. */
export function broken(cause: unknown): UnreadReading {
  return { kind: 'unread', because: 'unreachable', detail: cause instanceof Error ? cause.message : String(cause) }
}

/** Why no pod can be read: the closed reason that all have in common, else that they cannot be reached. */
export function unsaid(failed: readonly UnreadReading[]): Said<never> {
  const [first] = failed
  const because =
    (['forbidden', 'too-much', 'rejected'] as const).find(one => failed.every(problem => problem.because === one)) ?? 'unreachable'
  return { kind: 'unsaid', because, detail: shownText(`no pod can be read; ${first?.detail ?? ''}`, TOLD) }
}

/** How the pods are read, for people. */
export function saidOf(seconds: number, pages: ReadonlySet<string>, failed: readonly UnreadReading[], all: number): readonly string[] {
  const [first] = failed
  return [
    ...(pages.size === 0 ? [] : [`the pods are read every ${seconds} s: ${shownText([...pages].sort().join('; '), TOLD)}`]),
    ...(first === undefined ? [] : [`${failed.length} of ${all} pods cannot be read: ${shownText(first.detail, TOLD)}`])
  ]
}
