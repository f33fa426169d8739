import { SECOND } from '../../base/clock.ts'
import type { FailedTool } from '../../domain/ports/cluster.ts'
import type { Helm, HelmPlace, HelmProblem, HelmRevision, HookRun } from './helm-port.ts'
import { classify, masked } from './said.ts'

/** What was asked for, and the revision that was in force before. */
interface Asked extends HelmPlace {
  readonly latest: number
  readonly to: number
}

/** What there is after a rollback that helm began: the revision that it made, and what it said, where Astern heard it. */
interface Left {
  readonly newest: HelmRevision
  readonly said?: { readonly problem: HelmProblem; readonly detail: string; readonly exitCode?: number }
}

/**
 * Tells what a rollback left that helm began and did not finish: why, which hook, in which state the release is, what that keeps from
 * working, and the command that mends it (facts C.2).
 */
export async function failedRollback(helm: Helm, asked: Asked, { newest, said }: Left, signal: AbortSignal): Promise<FailedTool> {
  const recorded = newest.status === 'failed' ? recordedError(newest) : undefined
  const hook = newest.status === 'failed' ? undefined : await failedHook(helm, asked, newest, signal)
  const code = said?.exitCode === undefined ? '' : ` (exit code ${said.exitCode})`
  const problem = hook === undefined ? problemOf(said?.problem, recorded?.problem) : 'hook'
  const parts = [
    ...(said === undefined ? [] : [`${said.detail}${code}`]),
    // A clean-up that fails too takes the place of the error in what helm says, and not in its record.
    ...(recorded === undefined || said?.detail.includes(recorded.words) === true ? [] : [`its record says: ${recorded.words}`]),
    ...(said === undefined && recorded === undefined ? ['helm did not end, and nothing tells why'] : []),
    ...(hook === undefined ? [] : [`its ${hook.events.join(', ')} hook ${hook.kind}/${hook.name} did not succeed`]),
    `revision ${newest.revision} of the release is ${newest.status}`,
    keeps(newest, problem)
  ]
  return { kind: 'tool-failed', detail: parts.join('; '), repair: repairOf(asked, newest, problem) }
}

/** The error that helm wrote into the release. */
function recordedError({ description }: HelmRevision): { readonly problem: HelmProblem; readonly words: string } {
  const error = description.replace(/^(?:Rollback|Release) "[^"]*" failed: /, '')
  return { problem: classify(`Error: ${error}`).problem, words: masked(error) }
}

function problemOf(said: HelmProblem | undefined, recorded: HelmProblem | undefined): HelmProblem | undefined {
  return said === undefined || said === 'other' ? (recorded ?? said) : said
}

/** The hook of this rollback that helm began and never wrote down as done. */
async function failedHook(
  helm: Helm,
  asked: Asked,
  { revision, updatedAt }: HelmRevision,
  signal: AbortSignal
): Promise<HookRun | undefined> {
  const hooks = await helm.hooks(asked, revision, signal)
  if (hooks.kind === 'failed') return undefined
  // A revision has the runs of the hooks of the revision that it was copied from, too. One of the two times may have whole seconds.
  return hooks.value.find(
    ({ events, phase, startedAt }) =>
      phase !== 'Succeeded' && startedAt >= updatedAt - SECOND && events.some(event => event.endsWith('-rollback'))
  )
}

/** What does not work until it is mended. */
function keeps({ status }: HelmRevision, problem: HelmProblem | 'hook' | undefined): string {
  if (status.startsWith('pending-'))
    return 'while it is, every helm upgrade is refused (“another operation is in progress”): deployments of this release are blocked'
  if (problem === 'unserved') return 'every helm upgrade and rollback fails as long as that revision is the newest'
  return problem === 'not-ready-in-time' ? 'its objects were written, and are not ready' : 'some of its objects may have been written'
}

/** The command that ends an operation which somebody else's helm began and left pending. */
export function repairOfPending(place: HelmPlace, history: readonly HelmRevision[]): string {
  const inForce = history.findLast(({ status }) => status === 'deployed') ?? history.findLast(({ status }) => status === 'superseded')
  return inForce === undefined ? forgetting(place, history.at(-1)?.revision ?? 1) : rollingBack(place, inForce.revision)
}

function rollingBack({ release, namespace }: HelmPlace, revision: number, ...flags: readonly string[]): string {
  return ['helm rollback', release, revision, '--namespace', namespace, ...flags].join(' ')
}

/** The record of the newest revision is what every later helm fails on. It is one Secret (facts C.5). */
function forgetting({ release, namespace }: HelmPlace, revision: number): string {
  return `kubectl --namespace ${namespace} delete secret sh.helm.release.v1.${release}.v${revision}`
}

function repairOf(asked: Asked, { revision, status }: HelmRevision, problem: HelmProblem | 'hook' | undefined): string {
  const { latest, to } = asked
  const forget = forgetting(asked, revision)
  const back = (revisionTo: number, ...flags: readonly string[]): string => rollingBack(asked, revisionTo, ...flags)
  switch (problem) {
    case 'hook':
      return back(to, '--no-hooks')
    case 'unbuildable':
      return forget
    case 'unserved':
      return status === 'failed' ? `${forget} && ${back(latest)}` : forget
    case 'field-conflict':
      return back(to, '--force-conflicts')
    default:
      return back(to)
  }
}
