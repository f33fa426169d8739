import type { GuardedPod } from '../guarded-pod.ts'

/** Where a pod shows its metrics. */
export interface PodPage {
  readonly scheme: 'http' | 'https'
  readonly port: number
  /** Begins with a slash, and climbs nowhere. */
  readonly path: string
}

export interface PageReading {
  readonly pod: GuardedPod
  readonly page: PodPage
  /** The header `Accept`. */
  readonly accept: string
  /** Takes the body of a successful answer piece by piece, unpacked. False: it needs no more. */
  take(chunk: Uint8Array): boolean
}

export type PageAnswer =
  | { readonly kind: 'answered'; readonly contentType: string }
  | {
      readonly kind: 'failed'
      /** `rejected`: what answers there is not what was asked for. `forbidden`: it may not be called, or answers to nobody unknown. */
      readonly because: 'unreachable' | 'rejected' | 'too-much' | 'forbidden'
      readonly detail: string
    }

/** Reads a page of one pod: one GET, without redirects, bounded in bytes and time. */
export interface PodPages {
  read(reading: PageReading, signal: AbortSignal): Promise<PageAnswer>
}
