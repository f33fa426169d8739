import { at } from '../base/json.ts'
import { KINDS, type TargetKind } from '../domain/objects.ts'
import type { Right } from '../domain/rights.ts'
import type { KubeClient } from './kube-client.ts'

/** The rights to read a target of the kind, its history and its pods, and to watch for changes. */
export function readRights(kind: TargetKind): readonly Right[] {
  const { group, resource } = KINDS[kind]
  const history = kind === 'Deployment' || kind === 'Rollout' ? 'replicasets' : 'controllerrevisions'
  return [
    ...(['get', 'list', 'watch'] as const).map(verb => ({ verb, group, resource })),
    { verb: 'list', group: 'apps', resource: history },
    { verb: 'list', group: '', resource: 'pods' }
  ]
}

export type RightAnswer = { readonly kind: 'allowed' | 'denied' } | { readonly kind: 'unreachable'; readonly detail: string }

/**
 * Asks the API server whether Astern itself has a right (SelfSubjectAccessReview, which everybody may create).
 * Without a namespace it asks about all of them.
 */
export async function mayI(
  client: Pick<KubeClient, 'post'>,
  right: Right,
  namespace: string | undefined,
  signal: AbortSignal
): Promise<RightAnswer> {
  const answer = await client.post(
    // The answer is the same, and whoever reads the API server's audit log sees that nothing was to be stored.
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?dryRun=All',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          ...(namespace === undefined ? {} : { namespace }),
          verb: right.verb,
          group: right.group,
          resource: right.resource
        }
      }
    },
    signal
  )
  if (answer.kind !== 'ok') return { kind: 'unreachable', detail: answer.detail }
  return { kind: at(answer.object, 'status', 'allowed') === true ? 'allowed' : 'denied' }
}
