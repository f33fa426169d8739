import { refused, type Tools } from '../../domain/action.ts'
import { changedPast } from '../../domain/past-release.ts'
import type { Reason } from '../../domain/reasons.ts'
import { provenForOf } from '../proven.ts'
import { changedPastHelm } from '../released.ts'
import { asSeen } from '../seen-fits.ts'
import type { Observation, PlanInput } from '../typed-action.ts'
import { judgeReleases, type ReleaseCandidate, type SeenRelease } from './choose.ts'
import { revisionFits, unserved } from './fits.ts'
import type { Helm, HelmPlace, HelmProblem, HelmRevision } from './helm-port.ts'
import { closedNow, keptWhere, type RevisionObjects, touchedBy } from './objects.ts'

/** What of a step's options decides which revision is looked at. */
interface Wish {
  readonly provenFor?: string
}

/** What helm's answer means for a decision. */
const REASONS: Readonly<Record<HelmProblem, Reason>> = {
  'not-installed': 'unsuitable-target',
  'release-not-found': 'not-helm-owned',
  'revision-gone': 'no-good-revision',
  busy: 'rollout-moving',
  'lost-race': 'rollout-moving',
  'no-deployed-release': 'release-stuck',
  'not-ready-in-time': 'cluster-unreachable',
  unreachable: 'cluster-unreachable',
  unbuildable: 'unsuitable-target',
  unserved: 'unsuitable-target',
  'field-conflict': 'unsuitable-target',
  forbidden: 'forbidden',
  stopped: 'cluster-unreachable',
  other: 'unsuitable-target'
}

/** Looks at the release that the target names: its history, and what the revisions make that a rollback is about. */
export async function observeRelease(
  helm: Helm,
  tools: Pick<Tools, 'cluster' | 'kube'>,
  input: PlanInput<Wish>,
  signal: AbortSignal
): Promise<Observation<SeenRelease>> {
  const { workload } = input
  const { release, hints = [] } = workload
  if (release === undefined)
    return refused(
      'not-helm-owned',
      hints.length > 0 ? hints.join('; ') : 'the target has no meta.helm.sh/release-name annotation and managed-by label of Helm'
    )
  // Nothing is asked about a release in a namespace that only the target's annotation names.
  if (workload.releaseOutside === true)
    return refused('namespace-not-allowed', `release ${release.namespace}/${release.name}: ${release.unseen ?? ''}`)
  if (changedPast(workload, input.bad) !== undefined) return changedPastHelm(input, provenForOf(input.options.provenFor))
  const place = { release: release.name, namespace: release.namespace }
  const [major, history] = await Promise.all([helm.major(signal), helm.history(place, signal)])
  if (major.kind === 'failed') return refused(REASONS[major.problem], major.detail)
  if (history.kind === 'failed') return refused(REASONS[history.problem], history.detail)
  const worth = history.value.filter(
    ({ status }, index) => status === 'superseded' || status === 'deployed' || index === history.value.length - 1
  )
  const digests = new Map<number, string>()
  // Only the newest revisions are looked at, because each look is a process and older ones are hardly ever chosen.
  for (const { revision } of worth.slice(-DIGESTS)) {
    const digest = await helm.manifestDigest(place, revision, signal)
    if (digest.kind === 'done') digests.set(revision, digest.value)
  }
  const read = await readObjects(helm, tools, { input, place, history: history.value, digests }, signal)
  return read.kind === 'refused' ? read : { kind: 'seen', seen: { major: major.value, history: history.value, digests, ...read.seen } }
}

interface Unread {
  readonly input: PlanInput<Wish>
  readonly place: HelmPlace
  readonly history: readonly HelmRevision[]
  /** Loses those of revisions that cannot be read. */
  readonly digests: Map<number, string>
}

/** Reads what the present revisions make, and the one that would be gone back to. A large manifest takes seconds, so no others. */
async function readObjects(
  helm: Helm,
  { cluster, kube }: Pick<Tools, 'cluster' | 'kube'>,
  { input, place, history, digests }: Unread,
  signal: AbortSignal
): Promise<Observation<Pick<SeenRelease, 'objects' | 'closed' | 'fits'>>> {
  const { workload, options } = input
  const { release } = workload
  const objects = new Map<number, RevisionObjects>()
  const look = async (revision: number): Promise<boolean> => {
    const contents = await helm.contents(place, revision, signal)
    if (contents.kind === 'failed') return digests.delete(revision) || true
    const kept = await keptWhere(contents.value, (apiVersion, kind) => cluster.isNamespaced(apiVersion, kind, signal))
    if (kept !== undefined) objects.set(revision, kept)
    return kept !== undefined
  }
  const unanswered = refused('cluster-unreachable', 'the API does not say which kinds of the release are in namespaces')
  for (const { revision } of presentRevisions(history)) if (!(await look(revision))) return unanswered
  const newest = history.at(-1)
  const kinds = await unserved({ cluster }, objects.get(newest?.revision ?? 0)?.objects ?? [], signal)
  if (kinds.kind === 'no-answer') return refused('cluster-unreachable', kinds.detail)
  // Helm builds the present manifest too, to find out what it must remove.
  if (kinds.kind === 'cannot')
    return refused('cannot-run', `revision ${newest?.revision ?? 0} is deployed, and ${kinds.why}: helm cannot roll it back`)
  const cannotRun = new Map<string, string>()
  let notLookedAt: readonly string[] = []
  const latest = objects.get(newest?.revision ?? 0)
  for (;;) {
    const candidates = asSeen(judgeReleases({ history, digests }, input, provenForOf(options.provenFor)), versionOf, {
      cannotRun,
      notLookedAt
    })
    const chosen = candidates.find(({ refusedBecause }) => refusedBecause === undefined)
    if (chosen === undefined || release === undefined || latest === undefined) break
    const { revision } = chosen.revision
    if (!objects.has(revision) && !(await look(revision))) return unanswered
    const older = objects.get(revision)
    // It cannot be read, and is no candidate any more.
    if (older === undefined) continue
    const fit = await revisionFits({ cluster }, { workload, owners: input.owners, release, latest, older }, signal)
    if (fit.kind === 'no-answer') return refused('cluster-unreachable', fit.detail)
    if (fit.kind === 'cannot') {
      cannotRun.set(versionOf(chosen), fit.why)
      continue
    }
    notLookedAt = fit.notLookedAt
    break
  }
  const beside = release === undefined ? [] : touchedBy([...objects.values()], release)
  return {
    kind: 'seen',
    seen: { objects, fits: { cannotRun, notLookedAt }, closed: await closedNow(beside, workload.ref, path => kube.get(path, signal)) }
  }
}

/** How what was seen of a revision is kept. */
export function versionOf({ revision }: ReleaseCandidate): string {
  return String(revision.revision)
}

/** How many revisions are looked at: as many as Helm keeps by default. */
const DIGESTS = 10

/** What the revisions make that are in force, or were to be: the newest, and the deployed one where that is another. */
export function presentOf({ history, objects }: SeenRelease): readonly RevisionObjects[] | undefined {
  const found = presentRevisions(history).flatMap(({ revision }) => objects.get(revision) ?? [])
  const latest = history.at(-1)
  return latest === undefined || !objects.has(latest.revision) ? undefined : found
}

function presentRevisions(history: readonly HelmRevision[]): readonly HelmRevision[] {
  const present = [history.at(-1), history.findLast(({ status }) => status === 'deployed')]
  return [...new Set(present.filter(one => one !== undefined))]
}
