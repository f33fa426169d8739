import { type Static, Type } from 'typebox'
import { DAY, HOUR } from '../../base/clock.ts'
import { durationOr } from '../../base/duration.ts'
import { objectAt, textAt } from '../../base/json.ts'
import { type Effect, type Look, type PlanResult, refused, type Tools, templateStands, type Watched } from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import type { Owner } from '../../domain/owner.ts'
import { hashPlan, INTENT_ANNOTATION, type PatchOperation, type PatchWrite, type Plan, type WriteIntent } from '../../domain/plan.ts'
import type { Workload } from '../../domain/workload.ts'
import { intervalField } from '../duration-field.ts'
import { giveUpPatched } from '../field-ownership.ts'
import { applyPatch } from '../template-patch.ts'
import type { PlanInput, TypedAction } from '../typed-action.ts'

/** `with:` of `gitops-suspend`. */
const GitopsSuspendWith = Type.Object(
  { remindEvery: intervalField('People are reminded of the suspension this often until it is over. Default 4h.') },
  { additionalProperties: false }
)

const DEFAULT_REMIND_MS = 4 * HOUR

/** Keeps a GitOps controller from putting its version back, so that the next rung's write lasts. */
export const gitopsSuspend = {
  name: 'gitops-suspend',
  title: 'Suspend the Flux or Argo CD object that enforces the target, and keep reminding people of it.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  overridesOwner: false,
  cures: false,
  // The right is on the owner, which is mostly in another namespace. The chart's `gitops` values grant it.
  rights: () => [],
  with: GitopsSuspendWith,
  writes: ['json-patch'],
  plan,
  apply: applyPatch,
  effect,
  stands: templateStands,
  giveUpFields: giveUpPatched<PatchWrite>,
  watch,
  lent
} satisfies TypedAction<typeof GitopsSuspendWith, PatchWrite>

function plan({ workload, owners, options }: PlanInput<Static<typeof GitopsSuspendWith>>): PlanResult<PatchWrite> {
  const owner = owners.find(candidate => candidate.enforces !== 'no' && candidate.kind !== 'controller')
  if (owner === undefined) return refused('already-so', 'nothing enforces the target')
  const patch = owner.object === undefined || owner.enforces === 'unknown' ? undefined : suspension(owner, owner.object)
  if (patch === undefined)
    return refused('gitops-owned', `${owner.kind} ${owner.name} cannot be suspended so that it lasts: ${owner.detail}`)
  const { at, lists } = owner
  if (at === undefined || lists === undefined)
    return refused(
      'gitops-owned',
      `what else ${owner.kind} ${owner.name} has cannot be read, and a suspension would hold for all of it: ${owner.detail}`
    )
  const remind = durationOr(options.remindEvery, DEFAULT_REMIND_MS)
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'gitops-suspend',
      target: workload.ref,
      summary: `suspend ${owner.kind} ${owner.name} (${owner.detail})`,
      reverse: resume(owner),
      uid: workload.uid,
      touches: [{ ...at, owner: true }, ...lists],
      write: patch.write,
      from: workload.identity,
      to: workload.identity,
      bad: [],
      loan: {
        kind: 'remind',
        summary: `${owner.kind} ${owner.name} is suspended. When it is resumed the version in Git comes back: revert it there first, then ${resume(owner)}`,
        after: remind,
        atMost: 365 * DAY,
        write: patch.back
      },
      facts: { owner: owner.name, ownerKind: owner.kind, enforced: owner.detail }
    })
  }
}

/** The patch that suspends, and the one that takes it back. */
function suspension(
  owner: Owner,
  { path, uid, annotated }: NonNullable<Owner['object']>
): { readonly write: PatchWrite; readonly back: PatchWrite } | undefined {
  const isIt: PatchOperation = { op: 'test', path: '/metadata/uid', value: uid }
  const mark = annotated ? 'add' : 'first'
  const patch = (operations: readonly PatchOperation[], marked: PatchWrite['mark']): PatchWrite => ({
    kind: 'json-patch',
    path,
    operations: [isIt, ...operations],
    mark: marked
  })
  if (owner.kind === 'Application') {
    if (owner.automated === undefined) return undefined
    // The field is removed, and not set to `enabled: false`: Argo CD before 3.1 takes its mere presence for on (facts D.1).
    const at = '/spec/syncPolicy/automated'
    return {
      write: patch(
        [
          { op: 'test', path: at, value: owner.automated },
          { op: 'remove', path: at }
        ],
        mark
      ),
      back: patch([{ op: 'add', path: at, value: owner.automated }], 'none')
    }
  }
  return {
    write: patch([{ op: 'add', path: '/spec/suspend', value: true }], mark),
    back: patch(
      [
        { op: 'test', path: '/spec/suspend', value: true },
        { op: 'replace', path: '/spec/suspend', value: false }
      ],
      'none'
    )
  }
}

/** The command by which people resume it. */
function resume({ kind, name, automated }: Owner): string {
  const [namespace = '', object = ''] = name.split('/')
  switch (kind) {
    case 'Kustomization':
      return `flux resume kustomization ${object} -n ${namespace}`
    case 'HelmRelease':
      return `flux resume helmrelease ${object} -n ${namespace}`
    default:
      return `argocd app set ${namespace}/${object} --sync-policy automated${automated?.['selfHeal'] === true ? ' --self-heal' : ''}${automated?.['prune'] === true ? ' --auto-prune' : ''}`
  }
}

async function effect({ id, plan: made }: WriteIntent<PatchWrite>, workload: Workload, tools: Tools, signal: AbortSignal): Promise<Effect> {
  if (workload.uid !== made.uid) return 'superseded'
  const found = await tools.kube.get(made.write.path, signal)
  if (found.kind !== 'ok') return 'moving'
  return textAt(found.object, 'metadata', 'annotations', INTENT_ANNOTATION) === id ? 'seen' : 'not-seen'
}

async function lent(tools: Tools, { write }: Plan<PatchWrite>, signal: AbortSignal): Promise<'yes' | 'no' | 'unknown'> {
  const found = await tools.kube.get(write.path, signal)
  if (found.kind === 'error' && found.status === 404) return 'no'
  if (found.kind !== 'ok') return 'unknown'
  const suspended = objectAt(found.object, 'spec')['suspend'] === true
  const isApplication = textAt(found.object, 'kind') === 'Application'
  return suspended || (isApplication && objectAt(found.object, 'spec', 'syncPolicy')['automated'] === undefined) ? 'yes' : 'no'
}

/** The owner is quiet only after a reconciliation that began before has ended. */
async function watch(tools: Tools, _made: Plan, { workload }: Look, signal: AbortSignal): Promise<Watched> {
  const owners = await tools.cluster.owners(workload, signal)
  const enforcing = owners.find(owner => owner.enforces !== 'no')
  return enforcing === undefined
    ? { state: 'complete', detail: 'nothing enforces the target any more' }
    : { state: 'moving', detail: `${enforcing.kind} ${enforcing.name}: ${enforcing.detail}` }
}
