/** A change that a release knows nothing of, such as one by `kubectl set image`. */
export interface PastRelease {
  /** Identities of the revisions that have what the release declares, newest first. */
  readonly declared: readonly string[]
  /** The fields that are otherwise than declared; none where something was added. */
  readonly fields: readonly string[]
}

/**
 * The change past the release, where it is to blame. Where all that the release declares is remembered as bad, Astern itself went back
 * past it, and the release still is what must go back.
 */
export function changedPast({ pastRelease }: { readonly pastRelease?: PastRelease }, bad: readonly string[]): PastRelease | undefined {
  return pastRelease?.declared.every(identity => bad.includes(identity)) === true ? undefined : pastRelease
}
