import type { GuardPolicy } from '../domain/deploy-guard.ts'
import { targetKey } from '../domain/objects.ts'
import type { Release, Workload } from '../domain/workload.ts'

/** That a Helm release has the target, and what going back then means under the entry: a sentence. */
export function releaseSaid(
  { ref }: Pick<Workload, 'ref'>,
  { namespace, name }: Pick<Release, 'namespace' | 'name'>,
  entry: GuardPolicy | undefined
): string {
  const owned = `Helm release ${namespace}/${name} has ${targetKey(ref)}`
  if (entry === undefined) return `${owned}: who goes back by hand takes helm rollback, for the next upgrade would undo an undo`
  const means = entry.steps.flatMap(({ action, with: options }) => {
    switch (action) {
      case 'helm-rollback':
        return ['helm-rollback takes the whole release back to an earlier revision, with all that is in it']
      case 'rollout-undo':
        return options['evenIfHelmOwned'] === true
          ? ['rollout-undo takes back this template alone, and the next upgrade of the release would bring it again']
          : ['rollout-undo is refused as `helm-owned`, unless the template was changed past the release']
      default:
        return []
    }
  })
  return `${owned}: ${means.join('; ')}`
}
