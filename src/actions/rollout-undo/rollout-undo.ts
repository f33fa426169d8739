import { type Static, Type } from 'typebox'
import { formatDuration } from '../../base/duration.ts'
import { type PlanResult, refused } from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, type PatchWrite } from '../../domain/plan.ts'
import { templateForWrite } from '../../domain/workload.ts'
import { durationField } from '../duration-field.ts'
import { EVICT } from '../evict.ts'
import { mustNotGoBack, ONE_WAY_DOOR } from '../one-way-door.ts'
import { judgeRevisions, provenForOf } from '../proven.ts'
import { imagesOf, patchRight, replaceTemplate, TEMPLATE_WRITER, touchesOf, undoCommand } from '../template-patch.ts'
import type { PlanInput, TypedAction } from '../typed-action.ts'
import { unstickText, watchUndo } from './unstick.ts'

/** `with:` of `rollout-undo`. */
const RolloutUndoWith = Type.Object(
  {
    provenFor: durationField(
      'How long a revision must have run without an incident before it was replaced, to count as proven. Prometheus’ duration; default 10m; 0s accepts any.'
    ),
    evenIfHelmOwned: Type.Optional(
      Type.Boolean({
        description:
          'Undo a target that a Helm release owns all the same. The release then says something else than the cluster, its next upgrade may bring the version back, and a ConfigMap stays as it is. Default false.'
      })
    )
  },
  { additionalProperties: false }
)

/** Puts the pod template of the newest proven revision back. */
export const rolloutUndo = {
  ...TEMPLATE_WRITER,
  name: 'rollout-undo',
  title: 'Go back to the newest proven revision whose template differs.',
  kinds: TARGET_KINDS,
  blames: 'template',
  overridesOwner: true,
  cures: true,
  // A StatefulSet waits for a broken pod for ever, and a DaemonSet for a node that does not answer. So pods are evicted.
  rights: kind => (kind === 'StatefulSet' || kind === 'DaemonSet' ? [patchRight(kind), EVICT] : [patchRight(kind)]),
  with: RolloutUndoWith,
  plan,
  watch: watchUndo
} satisfies TypedAction<typeof RolloutUndoWith, PatchWrite>

function plan(input: PlanInput<Static<typeof RolloutUndoWith>>): PlanResult<PatchWrite> {
  const { workload, options } = input
  const provenFor = provenForOf(options.provenFor)
  if (mustNotGoBack(workload)) return ONE_WAY_DOOR
  const { release, strategy } = workload
  if (release !== undefined && options.evenIfHelmOwned !== true)
    return refused(
      'helm-owned',
      `release ${release.namespace}/${release.name} made it${workload.releaseLists === undefined ? ' (unconfirmed: only its metadata says so, and Astern does not read what the release contains)' : ''}: the next upgrade would bring the version back, and what is not in the template stays; use helm-rollback, or say evenIfHelmOwned`
    )
  if (strategy === 'OnDelete')
    return refused('unsuitable-target', 'its update strategy is OnDelete: no pod is replaced until somebody deletes it')
  const candidates = judgeRevisions(input, provenFor)
  const shown = candidates.map(({ revision, refusedBecause }) => ({
    revision: revision.number,
    template: revision.identity,
    images: imagesOf(revision.template),
    ...(refusedBecause === undefined ? {} : { refusedBecause })
  }))
  const chosen = candidates.find(candidate => candidate.refusedBecause === undefined)
  if (chosen === undefined) {
    const why =
      candidates.length === 0
        ? 'no other revision is kept'
        : candidates.map(({ revision, refusedBecause }) => `revision ${revision.number}: ${refusedBecause ?? ''}`).join('; ')
    return refused('no-good-revision', why, { facts: { provenFor: formatDuration(provenFor), candidates: shown } })
  }
  const { revision, proof } = chosen
  const current = workload.revisions.find(candidate => candidate.identity === workload.identity)
  const { partition } = workload
  return {
    kind: 'plan',
    ...(proof === undefined ? {} : { proof }),
    plan: hashPlan({
      action: 'rollout-undo',
      target: workload.ref,
      summary: `put revision ${revision.number} (${imagesOf(revision.template)}) back in place of ${current === undefined ? 'the current template' : `revision ${current.number}`} (${imagesOf(workload.template)})${partition === undefined ? '' : `; pods below ordinal ${partition} keep theirs (partition)`}${unstickText(workload)}`,
      reverse: undoCommand(workload.ref, current?.number),
      uid: workload.uid,
      touches: touchesOf(workload),
      write: replaceTemplate(workload, templateForWrite(revision.template)),
      from: workload.identity,
      to: revision.identity,
      bad: [workload.identity],
      facts: {
        from: imagesOf(workload.template),
        to: imagesOf(revision.template),
        toRevision: revision.number,
        provenFor: formatDuration(provenFor),
        candidates: shown,
        readyPodsOfOld: revision.readyPods
      }
    })
  }
}
