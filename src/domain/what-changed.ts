import type { DeployMarker } from './change.ts'

/** What changed before the symptom, for people: what the cluster shows, and what CI claimed. Times are texts in RFC 3339. */
export interface WhatChanged {
  readonly at?: string
  /** The field manager that wrote it. */
  readonly by?: string
  /** What differs between the version before and the present one: names, and of values only images. */
  readonly differs: readonly string[]
  /** `NAMESPACE/NAME, revision N` of the release that owns the target. */
  readonly release?: string
  /** Deploy markers, newest first. Whoever may send one may write into it what he likes. */
  readonly markers: readonly ToldMarker[]
}

export interface ToldMarker extends Pick<DeployMarker, 'version' | 'commit' | 'author' | 'url'> {
  /** The name of the credential that told it. */
  readonly by: string
}
