import { formatDuration } from '../base/duration.ts'
import { canonicalJson } from '../base/json.ts'
import { audited } from '../domain/audited.ts'
import type { DeployGuard, DeployGuardRequest, GuardPolicy, JudgedVersion } from '../domain/deploy-guard.ts'
import { outsideBounds } from '../domain/guard-entries.ts'
import { targetKey } from '../domain/objects.ts'
import { mayBeEnforced, type Owner } from '../domain/owner.ts'
import type { StartedGuard } from '../domain/ports/deploy-guards.ts'
import type { TargetFacts } from '../domain/ports/ledger.ts'
import type { Workload } from '../domain/workload.ts'
import { wrongMetrics } from './asked-metrics.ts'
import { type GuardPorts, metricsOf } from './ports.ts'
import { releaseSaid } from './release-said.ts'
import { type Found, versionKey, versionOf } from './version.ts'

/** So many guards are watched at a time: each may hold some thousand series. */
const AT_ONCE = 200

/** Among so many guards of the target the one is looked for that judged a version before. */
const LATEST = 200

/** Begins a guard, or attaches to the one that judges the same version. */
export async function beginGuard(ports: GuardPorts, request: DeployGuardRequest, signal: AbortSignal): Promise<StartedGuard> {
  const { ledger, cluster, clock } = ports
  const { target, options } = request
  if ((await ledger.guardsUnderWay()) >= AT_ONCE)
    return { kind: 'refused', why: 'unreachable', detail: `${AT_ONCE} guards are watched already: try again when one is over` }
  const looked = await cluster.look(target, undefined, signal)
  if (looked.kind !== 'found')
    return { kind: 'refused', why: looked.kind === 'forbidden' ? 'not-allowed' : looked.kind, detail: looked.detail }
  const { workload } = looked
  const now = clock.now()
  const facts = await ledger.targetFacts(target, [], '', now)
  const found = versionOf({ workload, facts, options, clusterOffset: cluster.clockOffset(), now })
  const entry = ports.entry(target.namespace)
  const judged =
    found.kind === 'over' || (found.kind === 'to-come' && found.other === true) ? await judgedBefore(ports, request, workload) : undefined
  if (judged !== undefined) return { kind: 'attached', guard: judged }
  const outside = entry === undefined ? [] : outsideBounds(entry, options)
  if (outside.length > 0) return { kind: 'refused', why: 'not-allowed', detail: outside.join('; ') }
  const wrong = wrongMetrics(options, metricsOf(ports, { ...(entry === undefined ? {} : { entry }) }))
  if (wrong !== undefined) return { kind: 'refused', why: 'invalid', detail: wrong }
  const owners = await cluster.owners(workload, signal)
  // A look at pods does not tell of the release: who declares the workload is read once, for people. What a run may do it reads anew.
  const declared = await cluster.read(target, signal)
  const release = declared.kind === 'found' ? declared.workload.release : undefined
  const said = [
    ...mayWrite(ports, request, entry),
    ...(release === undefined ? [] : [releaseSaid(workload, release, entry)]),
    ...whatStandsInTheWay({ workload, facts, owners }),
    ...(found.kind === 'version' && found.undated !== undefined
      ? [`when this version was rolled out is not known (${found.undated}), so that it is watched from now on`]
      : [])
  ]
  const guard: DeployGuard = {
    id: ports.ids.next(),
    target,
    by: request.by,
    createdAt: now,
    options,
    change: request.change,
    ...(entry === undefined ? {} : { entry }),
    said,
    nextAt: now,
    ...stateOf(found, options.timeout, now)
  }
  const key = found.kind === 'version' ? versionKey(found.version) : waitingKey(guard, workload)
  const about = { guard: guard.id, target, by: request.by, options, ...(entry === undefined ? {} : { entry: entry.name }) }
  const { begun, guard: kept } = await ledger.beginGuard(guard, key, [audited.guardStarted({ at: now }, about)])
  if (begun) return { kind: 'started', guard: kept }
  const differs = differences(kept, guard)
  return differs.length === 0 ? { kind: 'attached', guard: kept } : { kind: 'other-options', guard: kept, differs }
}

function stateOf(
  found: Found,
  timeout: number,
  now: number
): Pick<DeployGuard, 'state' | 'awaits' | 'version' | 'result' | 'detail' | 'endedAt'> {
  switch (found.kind) {
    case 'to-come':
      return { state: 'waiting', awaits: found.awaits }
    case 'over':
      return { state: 'ended', result: 'superseded', detail: found.detail, endedAt: now }
    case 'version':
      return { version: found.version, ...atOnce(found.version, timeout, now) }
  }
}

/** A version that is older than the whole watch would be: this deploy changed nothing. */
function atOnce(
  { changedAt, revision }: JudgedVersion,
  timeout: number,
  now: number
): Pick<DeployGuard, 'state' | 'result' | 'detail' | 'endedAt'> {
  if (now - changedAt <= timeout) return { state: 'watching' }
  const since = `revision ${revision ?? ''} runs since ${new Date(changedAt).toISOString()}`
  return {
    state: 'ended',
    result: 'unchanged',
    endedAt: now,
    detail: `${since}, longer than the ${formatDuration(timeout)} that a guard watches: nothing was rolled out that it could judge`
  }
}

/**
 * The guard that judged the version that is asked for, where the workload has another one by now: a job that is run again gets the
 * verdict, and does not wait for what was taken back.
 */
async function judgedBefore(
  { ledger }: GuardPorts,
  { target, options }: DeployGuardRequest,
  { uid }: Workload
): Promise<DeployGuard | undefined> {
  if (options.image === undefined && options.revision === undefined) return undefined
  const known = await ledger.guardsOf(target, LATEST)
  return known.find(
    ({ version, result }) =>
      version?.uid === uid &&
      result !== 'stopped' &&
      (options.image === undefined || version.images.includes(options.image)) &&
      (options.revision === undefined || version.revision === options.revision)
  )
}

function waitingKey({ options }: DeployGuard, { uid }: Workload): string {
  return `${uid}/waits/${options.revision ?? ''}/${options.image ?? ''}`
}

/** The names of the options in which two requests for one version differ. */
function differences(known: DeployGuard, asked: DeployGuard): readonly string[] {
  const names = new Set([...Object.keys(known.options), ...Object.keys(asked.options)])
  const value = (of: DeployGuard, name: string): string => canonicalJson(new Map(Object.entries(of.options)).get(name) ?? null)
  // Which version is waited for matters no more once it is known.
  return [...names].filter(name => name !== 'revision' && name !== 'image' && value(known, name) !== value(asked, name)).sort()
}

/** What a failure will lead to, in a sentence. */
function mayWrite({ ceiling }: GuardPorts, { target, options }: DeployGuardRequest, entry: GuardPolicy | undefined): readonly string[] {
  if (options.onFail === 'report') return ['a failure is only reported, as was asked']
  if (options.dryRun) return ['dry run: a failure is decided on to the end, and nothing is written']
  if (entry === undefined) return [`no entry of \`guards:\` is for namespace ${target.namespace}: a failure is only reported`]
  if (ceiling !== 'auto') return [`Astern runs with --mode ${ceiling}: a failure is decided on to the end, and nothing is written`]
  return entry.mode === 'auto' ? [] : [`${entry.name} has mode ${entry.mode}: nothing is written without more`]
}

interface Around {
  readonly workload: Workload
  readonly facts: TargetFacts
  readonly owners: readonly Owner[]
}

/** What would keep Astern from going back, as it stands now. */
function whatStandsInTheWay({ workload, facts, owners }: Around): readonly string[] {
  const enforcing = owners.filter(owner => mayBeEnforced([owner]) && owner.hint !== true)
  return [
    ...enforcing.map(
      ({ kind, name }) =>
        `${kind} ${name} declares ${targetKey(workload.ref)}, or may: going back would not last, and is refused as \`gitops-owned\``
    ),
    ...(workload.paused ? ['the rollout is paused: it is judged, and not written to'] : []),
    ...(facts.lockedBy === undefined ? [] : [`run ${facts.lockedBy} works on the target: until it is over nothing else is written`]),
    ...(facts.incidents.some(({ to }) => to === undefined)
      ? ['an incident of the target is open: the version before may be no better, and is not proven']
      : [])
  ]
}
