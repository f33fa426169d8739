import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { MINUTE, SECOND } from '../../base/clock.ts'
import { durationOr, formatDuration } from '../../base/duration.ts'
import { type Action, type Effect, type Observation, type PlanInput, type PlanResult, refused, type Tools } from '../../domain/action.ts'
import { releaseRevision } from '../../domain/change.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { type HelmWrite, hashPlan, type Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { HelmPlace, HelmProblem } from '../../domain/ports/helm.ts'
import type { Reason } from '../../domain/reasons.ts'
import { STUCK_AFTER_MS, type Workload } from '../../domain/workload.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { isOneWayDoor, ONE_WAY_DOOR } from '../one-way-door.ts'
import { provenForOf } from '../proven.ts'
import { badMark, judgeReleases, originOf, type SeenRelease } from './choose.ts'

const DURATION = '^([0-9]+(ms|s|m|h|d|w|y))+$'

/** `with:` of `helm-rollback`. */
export const HelmRollbackWith = Type.Object(
  {
    provenFor: Type.Optional(
      Type.String({
        pattern: DURATION,
        description: 'How long a revision must have run without an incident before it was replaced. Default 10m; 0s accepts any.'
      })
    ),
    timeout: Type.Optional(
      Type.String({ pattern: DURATION, description: 'helm’s own --timeout: how long it waits for what it made to be ready. Default 5m.' })
    ),
    recoverStuck: Type.Optional(
      Type.Boolean({
        description:
          'Roll back also where an operation of helm has been pending for 15 minutes: whoever began it is taken for dead. Default false.'
      })
    )
  },
  { additionalProperties: false }
)

const DEFAULT_TIMEOUT_MS = 5 * MINUTE
/** What helm takes besides its waits. */
const LINGERS_MS = 30 * SECOND

/** Rolls the release that owns the target back to its newest proven revision, by the real helm. */
export const helmRollback = {
  name: 'helm-rollback',
  title: 'Roll the Helm release that owns the target back to its newest proven revision.',
  kinds: TARGET_KINDS,
  blames: 'release',
  overridesOwner: true,
  cures: true,
  // What helm itself touches is what the chart of the release has: nobody but its owner can tell.
  rights: () => [
    { verb: 'get', group: '', resource: 'secrets' },
    { verb: 'list', group: '', resource: 'secrets' },
    { verb: 'create', group: '', resource: 'secrets' },
    { verb: 'update', group: '', resource: 'secrets' }
  ],
  observe,
  plan,
  apply,
  effect,
  // A helm goes on when only Astern dies, and makes its revision a moment later.
  lingers: made => timeoutIn(writeOf(made)) + LINGERS_MS,
  // The release's own revision tells, not the template: a ConfigMap may be all that changed.
  stands: (made, _intentId, workload) =>
    workload.uid === made.uid &&
    made.write.kind === 'helm-rollback' &&
    (workload.release?.latest === undefined || workload.release.latest.revision === made.write.latest + 1)
} satisfies Action

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
  forbidden: 'forbidden',
  stopped: 'cluster-unreachable',
  other: 'unsuitable-target'
}

async function observe(tools: Tools, { workload }: Omit<PlanInput, 'seen'>, signal: AbortSignal): Promise<Observation> {
  const { release } = workload
  if (release === undefined)
    return {
      kind: 'refused',
      refusal: { reason: 'not-helm-owned', detail: 'the target has no meta.helm.sh/release-name annotation and managed-by label of Helm' }
    }
  const place = { release: release.name, namespace: release.namespace }
  const [major, history] = await Promise.all([tools.helm.major(signal), tools.helm.history(place, signal)])
  if (major.kind === 'failed') return refused(REASONS[major.problem], major.detail)
  if (history.kind === 'failed') return refused(REASONS[history.problem], history.detail)
  const worth = history.value.filter(
    ({ status }, index) => status === 'superseded' || status === 'deployed' || index === history.value.length - 1
  )
  const digests = new Map<number, string>()
  // Newest first, and only the newest few: each is a process, and older ones are hardly ever wanted.
  for (const { revision } of worth.slice(-DIGESTS)) {
    const digest = await tools.helm.manifestDigest(place, revision, signal)
    if (digest.kind === 'done') digests.set(revision, digest.value)
  }
  return { kind: 'seen', seen: { major: major.value, history: history.value, digests } satisfies SeenRelease }
}

/** Revisions that are looked at: as many as Helm keeps by default. */
const DIGESTS = 10

function isSeen(seen: unknown): seen is SeenRelease {
  return typeof seen === 'object' && seen !== null && 'history' in seen
}

function plan(input: PlanInput): PlanResult {
  const { workload, seen, now } = input
  const options = readOptions(input.with)
  const { release } = workload
  if (release === undefined || !isSeen(seen)) throw new Error('helm-rollback plans without having looked')
  const latest = seen.history.at(-1)
  if (latest === undefined) return refused('no-good-revision', 'the release has no history')
  if (isOneWayDoor(workload)) return ONE_WAY_DOOR
  if (latest.status.startsWith('pending-')) {
    const age = now - latest.updatedAt
    const told = `revision ${latest.revision} is ${latest.status} since ${new Date(latest.updatedAt).toISOString()}`
    if (age < STUCK_AFTER_MS) return refused('rollout-moving', told)
    if (options.recoverStuck !== true) return refused('release-stuck', `${told}; the policy does not say recoverStuck`)
  }
  if (latest.status === 'uninstalling' || latest.status === 'uninstalled')
    return refused('rollout-moving', `the release is ${latest.status}`)
  const provenFor = provenForOf(options.provenFor)
  const candidates = judgeReleases(seen, input, provenFor)
  const told = candidates.map(({ revision, refusedBecause }) => ({
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
    return {
      kind: 'refused',
      refusal: {
        reason: 'no-good-revision',
        detail: why === '' ? 'the release has no other revision' : why,
        facts: { provenFor: formatDuration(provenFor), candidates: told }
      }
    }
  }
  const to = chosen.revision.revision
  const timeoutMs = timeoutOf(options)
  const write: HelmWrite = {
    kind: 'helm-rollback',
    release: release.name,
    namespace: release.namespace,
    latest: latest.revision,
    to,
    arguments: [
      'rollback',
      release.name,
      String(to),
      '--namespace',
      release.namespace,
      // Helm 4 has several ways to wait; its own default one is meant.
      '--wait',
      '--timeout',
      `${Math.round(timeoutMs / 1_000)}s`,
      '--cleanup-on-fail',
      // Helm would prune the oldest revisions, and with them the evidence.
      '--history-max',
      '0'
    ]
  }
  const digest = (revision: number): string | undefined => seen.digests.get(revision)?.slice(0, 12)
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'helm-rollback',
      target: workload.ref,
      summary: `roll release ${release.name} back to revision ${to} (${named(chosen.revision)}) in place of revision ${latest.revision} (${named(latest)}, ${latest.status})`,
      reverse: `helm rollback ${release.name} ${latest.revision} --namespace ${release.namespace}`,
      uid: workload.uid,
      write,
      from: workload.identity,
      makes: releaseRevision(release, latest.revision + 1),
      bad: [badMark(originOf(latest, seen.history))],
      facts: {
        helm: seen.major,
        toRevision: to,
        provenFor: formatDuration(provenFor),
        candidates: told,
        manifests: { from: digest(latest.revision), to: digest(to) },
        cannotUndo: 'CRDs, data in volumes, and what hooks of the upgrade did'
      }
    })
  }
}

function named({ chart, appVersion }: { readonly chart: string; readonly appVersion: string }): string {
  return appVersion === '' ? chart : `${chart}, app ${appVersion}`
}

function readOptions(value: unknown): Static<typeof HelmRollbackWith> {
  if (!Check(HelmRollbackWith, value)) throw new Error('the step was not checked at load')
  return value
}

function timeoutOf({ timeout }: Static<typeof HelmRollbackWith>): number {
  return durationOr(timeout, DEFAULT_TIMEOUT_MS)
}

function writeOf({ write }: Plan): HelmWrite {
  if (write.kind !== 'helm-rollback') throw new Error('this plan is not helm’s')
  return write
}

function timeoutIn(write: HelmWrite): number {
  return durationOr(write.arguments[write.arguments.indexOf('--timeout') + 1], DEFAULT_TIMEOUT_MS)
}

/** Helm has no precondition: its latest revision is read right before, and the one made must be the next (rules 3). */
async function apply(tools: Tools, made: Plan, { dryRun }: { readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult> {
  const write = writeOf(made)
  const place: HelmPlace = { release: write.release, namespace: write.namespace }
  const before = await tools.helm.history(place, signal)
  if (before.kind === 'failed') return notWritten(before.problem, before.detail)
  const latest = before.value.at(-1)?.revision
  if (latest !== write.latest)
    return { kind: 'conflict', detail: `the release is at revision ${latest ?? 'none'}, not at ${write.latest} any more` }
  const timeoutMs = timeoutIn(write)
  if (dryRun) {
    const tried = await tools.helm.rollback([...write.arguments.filter(argument => argument !== '--wait'), '--dry-run'], timeoutMs, signal)
    return tried.kind === 'done' ? appliedWith('helm would do it', tools.clock.now()) : notWritten(tried.problem, tried.detail)
  }
  const done = await tools.helm.rollback(write.arguments, timeoutMs, signal)
  const after = await tools.helm.history(place, signal)
  if (after.kind === 'failed') return { kind: 'unknown', detail: `${done.kind === 'failed' ? `${done.detail}; ` : ''}${after.detail}` }
  const newest = after.value.at(-1)
  if (newest?.revision === write.latest)
    return done.kind === 'failed'
      ? notWritten(done.problem, done.detail)
      : { kind: 'unknown', detail: 'helm said it was done, and made no revision' }
  if (newest?.revision !== write.latest + 1 || !isOurs(newest.description, write.to))
    return {
      kind: 'unknown',
      detail: `revision ${newest?.revision ?? '?'} is not the one that was asked for: ${newest?.description ?? ''}`
    }
  return appliedWith(
    done.kind === 'done'
      ? `revision ${newest.revision}: ${newest.description}`
      : `revision ${newest.revision} is ${newest.status}: ${done.detail}`,
    tools.clock.now()
  )
}

function notWritten(problem: HelmProblem, detail: string): WriteResult {
  if (problem === 'forbidden') return { kind: 'forbidden', detail }
  if (problem === 'release-not-found') return { kind: 'not-found', detail }
  return problem === 'unreachable' || problem === 'stopped' ? { kind: 'unknown', detail } : { kind: 'refused', detail }
}

/** What helm writes of a rollback that went well, and of one that did not. */
function isOurs(description: string, to: number): boolean {
  return description === `Rollback to ${to}` || /^(Rollback|Release) .* failed/.test(description)
}

async function effect(made: Plan, _intentId: string, workload: Workload, tools: Tools, signal: AbortSignal): Promise<Effect> {
  const write = writeOf(made)
  if (workload.uid !== made.uid) return 'superseded'
  const history = await tools.helm.history({ release: write.release, namespace: write.namespace }, signal)
  // Whether it is there cannot be told now: looked at again, until the time is up.
  if (history.kind === 'failed') return 'moving'
  const newest = history.value.at(-1)
  if (newest === undefined || newest.revision < write.latest) return 'superseded'
  if (newest.revision === write.latest) return 'not-seen'
  if (newest.revision > write.latest + 1 || !isOurs(newest.description, write.to)) return 'superseded'
  return newest.status === 'pending-rollback' ? 'moving' : 'seen'
}
