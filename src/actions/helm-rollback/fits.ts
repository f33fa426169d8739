import type { Tools } from '../../domain/action.ts'
import type { Owner } from '../../domain/owner.ts'
import { needText, podNeeds } from '../../domain/pod-needs.ts'
import type { Release, Workload } from '../../domain/workload.ts'
import type { Fit } from '../fit.ts'
import { fitsToday } from '../fits-today.ts'
import { needsPresent } from '../present-needs.ts'
import { isTarget, type ReleaseObject, type RevisionObjects } from './objects.ts'

/** The events whose hooks a rollback runs: those of the revision that it goes back to (facts C.3). */
const ROLLBACK_HOOKS: ReadonlySet<string> = new Set(['pre-rollback', 'post-rollback'])

/** A revision that the release would go back to, beside the latest one. */
export interface OlderRevision {
  readonly workload: Workload
  readonly owners: readonly Owner[]
  readonly release: Release
  readonly latest: RevisionObjects
  readonly older: RevisionObjects
}

/**
 * The kinds of a manifest that the API server does not serve now. Helm builds every object of both revisions before it writes, and
 * where it cannot, the release stays `pending-rollback`.
 */
export async function unserved({ cluster }: Pick<Tools, 'cluster'>, objects: readonly ReleaseObject[], signal: AbortSignal): Promise<Fit> {
  const asked = new Map<string, boolean>()
  for (const { apiVersion, kind } of objects) {
    const key = `${kind} of ${apiVersion}`
    if (asked.has(key)) continue
    const served = await cluster.around.serves(apiVersion, kind, signal)
    if (served === 'no-answer') return { kind: 'no-answer', detail: `the API does not say whether it serves ${key}` }
    asked.set(key, served)
  }
  const gone = [...asked].flatMap(([key, served]) => (served ? [] : [key]))
  return gone.length === 0
    ? { kind: 'fits', notLookedAt: [] }
    : { kind: 'cannot', why: `this API server does not serve ${gone.join(', ')}` }
}

/** Looks whether an older revision of a release could be made here today. */
export async function revisionFits(tools: Pick<Tools, 'cluster'>, revision: OlderRevision, signal: AbortSignal): Promise<Fit> {
  const { workload, owners, release, older } = revision
  const hooks = older.hooks.filter(hook => hook.events?.some(event => ROLLBACK_HOOKS.has(event)) === true)
  const served = await unserved(tools, [...older.objects, ...hooks], signal)
  if (served.kind !== 'fits') return served
  const notLookedAt: string[] = []
  for (const object of [...changed(revision), ...hooks]) {
    const fit = await needsOf(tools, revision, object, signal)
    if (fit.kind === 'cannot') return { kind: 'cannot', why: `${object.kind} ${object.name}: ${fit.why}` }
    if (fit.kind === 'no-answer') return fit
    notLookedAt.push(...fit.notLookedAt)
  }
  const template = older.objects.find(object => isTarget(object, release, workload.ref))?.pods
  if (template === undefined) return { kind: 'fits', notLookedAt }
  // Of the target itself, what it needs was looked at already; so all of that counts as brought.
  const fit = await fitsToday(tools, { workload, template, owners, brought: new Set(podNeeds(template).map(needText)) }, signal)
  return fit.kind === 'fits' ? { kind: 'fits', notLookedAt: [...new Set([...notLookedAt, ...fit.notLookedAt])] } : fit
}

/** What of the older manifest is not in the latest one as it is. Helm does not touch the rest. */
function changed({ latest, older }: OlderRevision): readonly ReleaseObject[] {
  const key = ({ apiVersion, kind, namespace = '', name }: ReleaseObject): string => JSON.stringify([apiVersion, kind, namespace, name])
  const now = new Map(latest.objects.map(object => [key(object), object.digest]))
  return older.objects.filter(object => now.get(key(object)) !== object.digest)
}

/** Looks for what the pods of one object need, less what the same revision brings along. */
async function needsOf(
  { cluster }: Pick<Tools, 'cluster'>,
  { workload, release, latest, older }: OlderRevision,
  object: ReleaseObject,
  signal: AbortSignal
): Promise<Fit> {
  const { pods, namespace = release.namespace } = object
  if (pods === undefined) return { kind: 'fits', notLookedAt: [] }
  if (namespace !== workload.ref.namespace)
    return { kind: 'fits', notLookedAt: [`what ${object.kind} ${namespace}/${object.name} needs: it is in another namespace`] }
  const present = latest.objects.find(one => one.kind === object.kind && one.name === object.name)?.pods ?? {}
  const brought = older.objects.filter(one => (one.namespace ?? release.namespace) === namespace || one.kept === 'in-cluster')
  return needsPresent(
    cluster.around,
    { namespace, template: pods, present, brought: new Set(brought.map(({ kind, name }) => `${kind} ${name}`)) },
    signal
  )
}
