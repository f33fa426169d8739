import { type Static, Type } from 'typebox'
import { MINUTE, SECOND } from '../../base/clock.ts'
import { durationOr, formatDuration } from '../../base/duration.ts'
import { type PlanResult, refused } from '../../domain/action.ts'
import { releaseRevision } from '../../domain/change.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan } from '../../domain/plan.ts'
import { STUCK_AFTER_MS } from '../../domain/workload.ts'
import { durationField } from '../duration-field.ts'
import { mustNotGoBack, ONE_WAY_DOOR } from '../one-way-door.ts'
import { provenForOf } from '../proven.ts'
import { asSeen, LOOKS, NOTHING_SEEN, noneLeft, RECREATE } from '../seen-fits.ts'
import { touchesOf } from '../template-patch.ts'
import type { ActionDescription, PlanInput, TypedAction } from '../typed-action.ts'
import { badMark, judgeReleases, originOf, type SeenRelease } from './choose.ts'
import { repairOfPending } from './failed.ts'
import type { Helm } from './helm-port.ts'
import { changedInCluster, releaseTouched, revisionsList, touchedBy } from './objects.ts'
import { observeRelease, presentOf, versionOf } from './observe.ts'
import { effectOfRollback, type HelmWrite, rollBack, rollbackOf, tryRollBack } from './rollback.ts'

/** `with:` of `helm-rollback`. */
const HelmRollbackWith = Type.Object(
  {
    provenFor: durationField('How long a revision must have run without an incident before it was replaced. Default 10m; 0s accepts any.'),
    timeout: durationField('helm’s own --timeout: how long it waits for what it made to be ready. Default 5m.'),
    recoverStuck: Type.Optional(
      Type.Boolean({
        description:
          'Roll back also where an operation of helm has been pending for 15 minutes: whoever began it is taken for dead. Default false.'
      })
    )
  },
  { additionalProperties: false }
)
type Options = Static<typeof HelmRollbackWith>

const DEFAULT_TIMEOUT_MS = 5 * MINUTE
/** How long helm takes besides its waits. */
const LINGERS_MS = 30 * SECOND

export const HELM_ROLLBACK = {
  name: 'helm-rollback',
  title: 'Roll the Helm release that owns the target back to its newest proven revision.',
  kinds: TARGET_KINDS,
  blames: 'release',
  overridesOwner: true,
  cures: true,
  touches: ({ release }) => (release === undefined ? [] : [releaseTouched(release)]),
  // Helm also needs the rights for all that the release's chart contains, which only its owner knows.
  rights: () => [
    { verb: 'get', group: '', resource: 'secrets' },
    { verb: 'list', group: '', resource: 'secrets' },
    { verb: 'create', group: '', resource: 'secrets' },
    { verb: 'update', group: '', resource: 'secrets' }
  ],
  looks: LOOKS,
  with: HelmRollbackWith
} satisfies ActionDescription<typeof HelmRollbackWith>

/** Rolls the release that owns the target back to its newest proven revision, by the real helm. */
export function helmRollback(helm: Helm) {
  return {
    ...HELM_ROLLBACK,
    writes: ['helm-rollback'],
    observe: (tools, input, signal) => observeRelease(helm, tools, input, signal),
    plan,
    apply: (tools, { plan: { write } }, { dryRun }, signal) => (dryRun ? tryRollBack : rollBack)(helm, write, tools.clock.now, signal),
    effect: (intent, workload, { clock }, signal) => effectOfRollback(helm, intent, { workload, now: clock.now() }, signal),
    // When only Astern dies, helm goes on and makes its revision a moment later.
    lingers: ({ write }) => write.timeoutMs + LINGERS_MS,
    // Only the release's revision shows the write. The template may be the same, because perhaps only a ConfigMap changed.
    stands: ({ plan: { uid, write } }, workload) =>
      workload.uid === uid && (workload.release?.latest === undefined || workload.release.latest.revision === write.latest + 1)
  } satisfies TypedAction<typeof HelmRollbackWith, HelmWrite, SeenRelease>
}

function plan(input: PlanInput<Options>, seen: SeenRelease): PlanResult<HelmWrite> {
  const { workload, options, now } = input
  const { release } = workload
  if (release === undefined) throw new Error('helm-rollback plans without having looked')
  const latest = seen.history.at(-1)
  if (latest === undefined) return refused('no-good-revision', 'the release has no history')
  if (mustNotGoBack(workload)) return ONE_WAY_DOOR
  const present = presentOf(seen)
  if (present === undefined) return refused('unsuitable-target', `what revision ${latest.revision} of the release makes cannot be read`)
  if (!revisionsList(present, release, workload.ref))
    return refused(
      'not-helm-owned',
      `the manifest of release ${release.namespace}/${release.name} does not list the target: only the target’s metadata names it`
    )
  if (latest.status.startsWith('pending-')) {
    const age = now - latest.updatedAt
    const status = `revision ${latest.revision} is ${latest.status} since ${new Date(latest.updatedAt).toISOString()}`
    if (age < STUCK_AFTER_MS) return refused('rollout-moving', status)
    const place = { release: release.name, namespace: release.namespace }
    if (options.recoverStuck !== true)
      return refused(
        'release-stuck',
        `${status}; the policy does not say recoverStuck; to repair it: ${repairOfPending(place, seen.history)}`
      )
  }
  // Helm keeps no time of an uninstallation. One that died never ends, so only that of a young release is waited for.
  if (latest.status === 'uninstalling')
    return refused(now - latest.updatedAt < STUCK_AFTER_MS ? 'rollout-moving' : 'release-stuck', 'the release is being uninstalled')
  if (latest.status === 'uninstalled') return refused('unsuitable-target', 'the release was uninstalled, and only its history is kept')
  const provenFor = provenForOf(options.provenFor)
  const { fits = NOTHING_SEEN } = seen
  const candidates = asSeen(judgeReleases(seen, input, provenFor), versionOf, fits)
  const shown = candidates.map(({ revision, refusedBecause }) => ({
    revision: revision.revision,
    status: revision.status,
    chart: revision.chart,
    appVersion: revision.appVersion,
    description: revision.description,
    ...(refusedBecause === undefined ? {} : { refusedBecause })
  }))
  const chosen = candidates.find(candidate => candidate.refusedBecause === undefined)
  if (chosen === undefined) {
    const why = candidates.map(({ revision, refusedBecause }) => `revision ${revision.revision}: ${refusedBecause ?? ''}`).join('; ')
    return refused(noneLeft(candidates), why === '' ? 'the release has no other revision' : why, {
      facts: { provenFor: formatDuration(provenFor), candidates: shown }
    })
  }
  const { proof } = chosen
  const to = chosen.revision.revision
  const [from, back] = [seen.objects.get(latest.revision), seen.objects.get(to)]
  if (from === undefined || back === undefined) throw new Error('a revision was chosen that was not looked at')
  const moved = changedInCluster(from, back)
  if (moved !== undefined)
    return refused(
      'namespace-not-allowed',
      `${moved.kind} ${moved.name} is in no namespace, or may be in none, and revision ${to} has it otherwise than revision ${latest.revision}`
    )
  const digest = (revision: number): string | undefined => seen.digests.get(revision)?.slice(0, 12)
  return {
    kind: 'plan',
    ...(proof === undefined ? {} : { proof }),
    ...(fits.notLookedAt.length === 0 ? {} : { notLookedAt: fits.notLookedAt }),
    plan: hashPlan({
      action: 'helm-rollback',
      target: workload.ref,
      summary: `roll release ${release.name} back to revision ${to} (${named(chosen.revision)}) in place of revision ${latest.revision} (${named(latest)}, ${latest.status})${workload.strategy === 'Recreate' ? `; of ${workload.ref.kind} ${workload.ref.name}, ${RECREATE}` : ''}`,
      reverse: `helm rollback ${release.name} ${latest.revision} --namespace ${release.namespace}`,
      uid: workload.uid,
      touches: [...touchesOf(workload), ...touchedBy([from, back], release), ...(seen.closed ?? [])],
      write: rollbackOf(release, { latest: latest.revision, to, timeoutMs: durationOr(options.timeout, DEFAULT_TIMEOUT_MS) }),
      from: workload.identity,
      makes: releaseRevision(release, latest.revision + 1),
      bad: [badMark(originOf(latest, seen.history))],
      facts: {
        helm: seen.major,
        toRevision: to,
        provenFor: formatDuration(provenFor),
        candidates: shown,
        manifests: { from: digest(latest.revision), to: digest(to) },
        cannotUndo: 'CRDs, data in volumes, and what hooks of the upgrade did',
        nextDeploy: 'an upgrade with the same chart and values brings the version back that was rolled back'
      }
    })
  }
}

function named({ chart, appVersion }: { readonly chart: string; readonly appVersion: string }): string {
  return appVersion === '' ? chart : `${chart}, app ${appVersion}`
}
