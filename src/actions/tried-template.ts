import { DRY_RUN_INTENT, hashPlan, type PatchPlan } from '../domain/plan.ts'
import { judgePodSecurity, podSecurityWarnings } from '../domain/pod-security.ts'
import type { Cluster, WriteResult } from '../domain/ports/cluster.ts'
import { templateForWrite, type Workload } from '../domain/workload.ts'
import { refusalOf } from '../domain/write-result.ts'
import type { Fit, OlderTemplate } from './fit.ts'
import { replaceTemplate, templateMark, templateTests } from './template-patch.ts'

type Trying = Pick<Cluster, 'write' | 'around'>

/** The API server refuses for want of a right, and says so in these words; whatever else it forbids it forbids by a policy. */
const NO_RIGHT = /\bcannot patch resource\b/
/** What it says of a precondition that fails. Then the target has changed, which the flow finds out. */
const PRECONDITION =
  /^the server rejected our request due to an error in our request|object has been modified|Precondition failed|^Operation cannot be fulfilled/
/** A webhook that cannot be asked without a write. */
const NO_DRY_RUN = /does not support dry run/

/** Asks the API server, without storing anything, whether it would take the older template, and whether it warns that it would take no pod of it. */
export async function tryTemplate(cluster: Trying, { workload, template }: OlderTemplate, signal: AbortSignal): Promise<Fit> {
  const tried = await dryRun(cluster, workload, replaceTemplate(workload, templateForWrite(template)), signal)
  if (tried.kind === 'applied') return podsTaken(cluster, workload, tried.warnings ?? [], signal)
  if (tried.kind === 'unknown') return { kind: 'no-answer', detail: tried.detail }
  if (tried.kind === 'not-now') return { kind: 'no-answer', detail: tried.detail, refusal: refusalOf(tried) }
  // What the flow finds out by itself, when it tries the write that it will make.
  if (tried.kind === 'held' || tried.kind === 'not-found' || PRECONDITION.test(tried.detail)) return { kind: 'fits', notLookedAt: [] }
  if (NO_RIGHT.test(tried.detail)) return untried(cluster, workload, signal)
  if (NO_DRY_RUN.test(tried.detail)) return { kind: 'fits', notLookedAt: ['whether the API server takes it (a webhook has no dry run)'] }
  return refusedForItself(cluster, workload, tried.detail, signal)
}

/** Without the right to patch nothing warns. What the namespace enforces can still be told. */
async function untried({ around }: Trying, { ref }: Workload, signal: AbortSignal): Promise<Fit> {
  const looked = await around.podSecurity(ref.namespace, signal)
  if (looked.kind === 'no-answer') return looked
  const enforce = looked.kind === 'seen' ? looked.value.enforce : undefined
  const pods = enforce === undefined || enforce === 'privileged' ? '' : `, and its pods under Pod Security “${enforce}”`
  return { kind: 'fits', notLookedAt: [`whether the API server takes it${pods} (no right to patch)`] }
}

/** Whether the refusal is about the older template: a policy that takes no write at all refuses the present one too. */
async function refusedForItself(cluster: Trying, workload: Workload, detail: string, signal: AbortSignal): Promise<Fit> {
  const same = await dryRun(cluster, workload, unchanged(workload), signal)
  return same.kind === 'applied'
    ? { kind: 'cannot', why: `the API server refuses it: ${detail}`, forbidden: true }
    : { kind: 'fits', notLookedAt: [] }
}

async function podsTaken(cluster: Trying, workload: Workload, warned: readonly string[], signal: AbortSignal): Promise<Fit> {
  const looked = await cluster.around.podSecurity(workload.ref.namespace, signal)
  if (looked.kind === 'no-answer') return looked
  const labels = looked.kind === 'seen' ? { labels: looked.value } : {}
  const unseen = looked.kind === 'unseen' ? [looked.why] : []
  // Pod Security looks into the templates of Kubernetes' own kinds, and warns of no other.
  if (workload.ref.kind === 'Rollout')
    return { kind: 'fits', notLookedAt: [...unseen, 'whether Pod Security lets its pods in: it does not look into a Rollout'] }
  const asPresent = podSecurityWarnings(warned).length === 0 ? undefined : await dryRun(cluster, workload, unchanged(workload), signal)
  if (asPresent !== undefined && asPresent.kind !== 'applied') return { kind: 'no-answer', detail: asPresent.detail }
  const present = asPresent?.warnings ?? []
  const made = workload.pods.filter(pod => pod.current).map(pod => pod.createdAt)
  const judged = judgePodSecurity({ warned, present, ...(made.length === 0 ? {} : { newestPod: Math.max(...made) }), ...labels })
  if (judged.cannot !== undefined) return { kind: 'cannot', why: `the API server warns: ${judged.cannot}` }
  return { kind: 'fits', notLookedAt: [...unseen, ...(judged.unseen === undefined ? [] : [judged.unseen])] }
}

type Trial = ReturnType<typeof replaceTemplate>

function dryRun(cluster: Trying, workload: Workload, write: Trial, signal: AbortSignal): Promise<WriteResult> {
  const plan: PatchPlan = hashPlan({
    action: 'trial',
    target: workload.ref,
    summary: 'ask whether the API server would take a template',
    reverse: '',
    uid: workload.uid,
    write,
    from: workload.identity,
    bad: [],
    facts: {}
  })
  return cluster.write(plan, { intent: DRY_RUN_INTENT, dryRun: true }, signal)
}

/** A write that changes no template: what is said of it is said of the present one. */
function unchanged(workload: Workload): Trial {
  return { kind: 'json-patch', path: workload.templateAt.path, operations: templateTests(workload), mark: templateMark(workload) }
}
