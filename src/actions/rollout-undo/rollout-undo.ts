import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Action, PlanInput, PlanResult } from '../../domain/action.ts'
import { formatDuration, parseDuration } from '../../domain/duration.ts'
import { hashPlan } from '../../domain/plan.ts'
import { templateForWrite } from '../../domain/workload.ts'
import { judgeRevisions } from '../proven.ts'
import { imagesOf, replaceTemplate, TEMPLATE_RIGHTS, templateEffect } from '../template-patch.ts'

/** `with:` of `rollout-undo`. */
export const RolloutUndoWith = Type.Object(
  {
    provenFor: Type.Optional(
      Type.String({
        pattern: '^([0-9]+(ms|s|m|h|d|w|y))+$',
        description:
          'How long a revision must have run without an incident before it was replaced, to count as proven. Prometheus’ duration; default 10m; 0s accepts any.'
      })
    )
  },
  { additionalProperties: false }
)

/** Rules 2. */
const DEFAULT_PROVEN_FOR_MS = 10 * 60_000

/** The annotation with which an owner says that a target must not go back, for instance after a migration of its data. */
const ONE_WAY_DOOR = 'astern.dev/rollback'

/** Puts the pod template of the newest proven revision back. */
export const rolloutUndo: Action = {
  name: 'rollout-undo',
  title: 'Go back to the newest proven revision whose template differs.',
  blamesChange: true,
  rights: TEMPLATE_RIGHTS,
  plan,
  effect: templateEffect
}

function plan(input: PlanInput): PlanResult {
  const { workload } = input
  const provenFor = readProvenFor(input.with)
  if (workload.annotations[ONE_WAY_DOOR] === 'deny') {
    return { kind: 'refused', refusal: { reason: 'one-way-door', detail: `${ONE_WAY_DOOR}: deny stands on the target` } }
  }
  const candidates = judgeRevisions(input, provenFor)
  const told = candidates.map(({ revision, refusedBecause }) => ({
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
    return {
      kind: 'refused',
      refusal: { reason: 'no-good-revision', detail: why, facts: { provenFor: formatDuration(provenFor), candidates: told } }
    }
  }
  const { revision } = chosen
  const current = workload.revisions.find(candidate => candidate.identity === workload.identity)
  const { kind, namespace, name } = workload.ref
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'rollout-undo',
      target: workload.ref,
      summary: `put revision ${revision.number} (${imagesOf(revision.template)}) back in place of ${current === undefined ? 'the current template' : `revision ${current.number}`} (${imagesOf(workload.template)})`,
      reverse:
        current === undefined
          ? `kubectl -n ${namespace} rollout history ${kind.toLowerCase()}/${name}`
          : `kubectl -n ${namespace} rollout undo ${kind.toLowerCase()}/${name} --to-revision=${current.number}`,
      write: { kind: 'json-patch', uid: workload.uid, operations: replaceTemplate(workload, templateForWrite(revision.template)) },
      from: workload.identity,
      to: revision.identity,
      remembersBad: true,
      facts: {
        from: imagesOf(workload.template),
        to: imagesOf(revision.template),
        toRevision: revision.number,
        provenFor: formatDuration(provenFor),
        candidates: told,
        readyPodsOfOld: revision.readyPods
      }
    })
  }
}

function readProvenFor(value: unknown): number {
  if (!Check(RolloutUndoWith, value)) throw new Error('the step was not checked at load')
  const options: Static<typeof RolloutUndoWith> = value
  return options.provenFor === undefined ? DEFAULT_PROVEN_FOR_MS : (parseDuration(options.provenFor) ?? DEFAULT_PROVEN_FOR_MS)
}
