import { type Static, Type } from 'typebox'
import { formatDuration } from '../../base/duration.ts'
import { type PlanResult, type Refused, refused, type Tools } from '../../domain/action.ts'
import { namesOfPresent } from '../../domain/ignored-parts.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, type PatchWrite } from '../../domain/plan.ts'
import { differenceText, type TemplatePart, templateDifference } from '../../domain/template-difference.ts'
import { type Revision, templateForWrite, type Workload } from '../../domain/workload.ts'
import { durationField } from '../duration-field.ts'
import { EVICT } from '../evict.ts'
import { fitsToday } from '../fits-today.ts'
import { afterUndo } from '../next-deploy.ts'
import { mustNotGoBack, ONE_WAY_DOOR } from '../one-way-door.ts'
import { judgeRevisions, provenForOf } from '../proven.ts'
import { isReleased, pastText, releasedRefusal, undoCandidates } from '../released.ts'
import { asSeen, LOOKS, NOTHING_SEEN, noneLeft, RECREATE, type SeenFits, seeFits } from '../seen-fits.ts'
import { imagesOf, patchRight, replaceTemplate, TEMPLATE_WRITER, touchesOf, undoCommand } from '../template-patch.ts'
import type { Observation, PlanInput, TypedAction } from '../typed-action.ts'
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

type Options = Static<typeof RolloutUndoWith>

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
  looks: LOOKS,
  with: RolloutUndoWith,
  observe: observeUndo,
  plan,
  watch: watchUndo
} satisfies TypedAction<typeof RolloutUndoWith, PatchWrite, SeenFits>

/** What refuses the undo whatever the older revisions are. */
function notUndoable(input: PlanInput<Options>): Refused | undefined {
  const { workload, options } = input
  if (mustNotGoBack(workload)) return ONE_WAY_DOOR
  const { strategy } = workload
  if (isReleased(input) && options.evenIfHelmOwned !== true) return releasedRefusal(input, provenForOf(options.provenFor))
  if (strategy === 'OnDelete')
    return refused('unsuitable-target', 'its update strategy is OnDelete: no pod is replaced until somebody deletes it')
  return undefined
}

/** The revisions that it may go back to, and why not to the others. */
function candidatesFor(input: PlanInput<Options>): ReturnType<typeof judgeRevisions> {
  const provenFor = provenForOf(input.options.provenFor)
  return input.options.evenIfHelmOwned === true ? judgeRevisions(input, provenFor) : undoCandidates(input, provenFor)
}

/** Looks whether the revision that would be put back could run here today, and at the next older one where it could not. */
async function observeUndo(tools: Tools, input: PlanInput<Options>, signal: AbortSignal): Promise<Observation<SeenFits>> {
  const { workload, owners } = input
  const no = notUndoable(input)
  if (no !== undefined) return no
  return seeFits(candidatesFor(input), {
    versionOf: ({ revision }) => revision.identity,
    fits: ({ revision }) => fitsToday(tools, { workload, owners, template: revision.template, readyPods: revision.readyPods }, signal)
  })
}

function plan(input: PlanInput<Options>, seen: SeenFits = NOTHING_SEEN): PlanResult<PatchWrite> {
  const { workload, options } = input
  const no = notUndoable(input)
  if (no !== undefined) return no
  const provenFor = provenForOf(options.provenFor)
  const candidates = asSeen(candidatesFor(input), ({ revision }) => revision.identity, seen)
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
    return refused(noneLeft(candidates), why, { facts: { provenFor: formatDuration(provenFor), candidates: shown } })
  }
  const { revision, proof } = chosen
  const back = templateForWrite(revision.template)
  const current = workload.revisions.find(candidate => candidate.identity === workload.identity)
  const differs = templateDifference(current?.template ?? workload.template, revision.template)
  return {
    kind: 'plan',
    ...(proof === undefined ? {} : { proof }),
    ...(seen.notLookedAt.length === 0 ? {} : { notLookedAt: seen.notLookedAt }),
    plan: hashPlan({
      action: 'rollout-undo',
      target: workload.ref,
      summary: `${[wayBack(workload, { revision, current, differs }), ...onTheWay(workload)].join('; ')}${unstickText(workload)}`,
      reverse: undoCommand(workload.ref, current?.number),
      uid: workload.uid,
      touches: touchesOf(workload),
      write: replaceTemplate(workload, back),
      from: workload.identity,
      to: revision.identity,
      bad: namesOfPresent(workload),
      facts: {
        from: imagesOf(workload.template),
        to: imagesOf(revision.template),
        toRevision: revision.number,
        differs: differs.map(({ text }) => text),
        ...(workload.pastRelease === undefined ? {} : { pastRelease: pastText(workload) }),
        provenFor: formatDuration(provenFor),
        candidates: shown,
        readyPodsOfOld: revision.readyPods,
        nextDeploy: afterUndo(workload, back, input.owners)
      }
    })
  }
}

/** Which revision goes where. Where both have the same images, these tell nothing, and what differs is told in their place. */
function wayBack(
  workload: Workload,
  {
    revision,
    current,
    differs
  }: { readonly revision: Revision; readonly current: Revision | undefined; readonly differs: readonly TemplatePart[] }
): string {
  const [from, to] = [imagesOf(workload.template), imagesOf(revision.template)]
  const replaced = current === undefined ? 'the current template' : `revision ${current.number}`
  return from === to
    ? `put revision ${revision.number} back in place of ${replaced}: both are ${from}, and they differ in ${differenceText(differs)}`
    : `put revision ${revision.number} (${to}) back in place of ${replaced} (${from})`
}

/** What people must know of the way there. */
function onTheWay({ partition, strategy }: Workload): readonly string[] {
  return [
    ...(partition === undefined ? [] : [`pods below ordinal ${partition} keep theirs (partition)`]),
    ...(strategy === 'Recreate' ? [RECREATE] : [])
  ]
}
