import { textAt } from '../base/json.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { GuardedCluster, GuardedLook } from '../domain/ports/guarded-cluster.ts'
import type { Workload } from '../domain/workload.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import { type ReadWithPods, readWithPods } from './cluster.ts'
import { toGuardedPod, versionOf } from './guarded-pod.ts'
import type { KubeClient } from './kube-client.ts'
import { withRefusedPods } from './refused-pods.ts'

/** Looks at workloads and their pods for deploy guards. It needs the rights by which a target is read, and none else. */
export function createGuardedCluster(client: Pick<KubeClient, 'get'>, offset: ClockOffset, now: () => number): GuardedCluster {
  return {
    async look(target, identity, signal): Promise<GuardedLook> {
      const read = await readWithPods(client, target, signal)
      if (read.kind !== 'found') return { kind: read.kind, detail: read.detail }
      const pods = guardedPods(read, identity, offset.value())
      return { kind: 'found', workload: await withRefusedPods({ kube: client, now }, read.workload, signal), pods }
    }
  }
}

/** The pods that are the workload's own: a selector also matches pods of others. */
function guardedPods(
  { workload, pods }: Extract<ReadWithPods, { readonly kind: 'found' }>,
  identity: string | undefined,
  offset: number
): readonly GuardedPod[] {
  const judged = judgedRevisions(workload, identity)
  const summaries = new Map(workload.pods.map(summary => [summary.uid, summary]))
  return pods.flatMap(pod => {
    const summary = summaries.get(textAt(pod, 'metadata', 'uid') ?? '')
    return summary === undefined ? [] : [toGuardedPod(pod, { version: versionOf(summary, judged), offset })]
  })
}

function judgedRevisions(workload: Workload, identity: string | undefined) {
  const { revisions, identity: present } = workload
  return {
    isPresent: identity === undefined || identity === present,
    revisions: new Set(revisions.filter(revision => revision.identity === identity).map(({ name }) => name))
  }
}
