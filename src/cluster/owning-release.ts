import { type LookScope, mayLook } from '../domain/namespaces.ts'
import type { Release, Workload } from '../domain/workload.ts'
import { listsTarget } from './listed.ts'
import { pastRelease } from './past-release.ts'
import { releaseNamed } from './release.ts'
import type { ReleaseContents } from './release-contents.ts'

type ReadRelease = (named: Pick<Release, 'name' | 'namespace'>, signal: AbortSignal) => Promise<Release>

/**
 * Adds the Helm release that the object names to what was read of it. A release that is known not to list the object is only a
 * hint, because a copy of an object names the release of the original.
 */
export function createOwningRelease(
  readRelease: ReadRelease,
  contents: ReleaseContents,
  scope: LookScope
): (workload: Workload, signal: AbortSignal) => Promise<Workload> {
  return async (workload, signal) => {
    const named = releaseNamed(workload)
    if (named === undefined) return workload
    if (!mayLook(scope, named.namespace, workload.ref.namespace))
      return {
        ...workload,
        release: { ...named, unseen: `${named.namespace} is no namespace in which Astern may look` },
        releaseOutside: true
      }
    const [release, read] = await Promise.all([readRelease(named, signal), contents(named, signal)])
    const only = (why: string): Workload => ({
      ...workload,
      hints: [`release ${named.namespace}/${named.name}: only the target’s metadata names it: ${why}`]
    })
    switch (read.kind) {
      case 'unread':
        return { ...workload, release }
      case 'absent':
        return only('there is no such release')
      case 'listed':
        return listsTarget(read.lists, workload.ref)
          ? { ...workload, release, releaseLists: read.lists, ...pastRelease(workload, release, read.declares) }
          : only('its manifest does not list the target')
    }
  }
}
