import { EXIT, type ExitCode } from '../exit.ts'
import { versionText } from './figures.ts'
import { numbersText } from './log-lines.ts'
import type { Told } from './told.ts'

/** How following a guard ended: with the guard, without a server, or by a signal. */
export type Ending =
  | { readonly kind: 'ended'; readonly told: Told }
  | { readonly kind: 'lost'; readonly told?: Told; readonly detail: string }
  | { readonly kind: 'signal'; readonly told?: Told; readonly signal: 'SIGINT' | 'SIGTERM'; readonly detail: string }

export interface Choices {
  readonly onInconclusive?: 'pass' | 'fail'
  readonly onUnreachable?: 'pass' | 'fail'
}

export interface Verdict {
  /** The guard's result, or what ended the command without one. */
  readonly result: string
  readonly code: ExitCode
  /** In capitals, for the beginning of the last line. */
  readonly headline: string
  readonly cause: string
  readonly numbers?: string
  /** What was taken back, or why not. */
  readonly undone?: string
  /** What a flag made of the exit code. */
  readonly chosen?: string
}

const HEADLINES: Readonly<Record<string, readonly [ExitCode, string]>> = {
  pass: [EXIT.ok, 'PASS'],
  unchanged: [EXIT.ok, 'UNCHANGED'],
  'rolled-back': [EXIT.bad, 'FAIL, ROLLED BACK'],
  failed: [EXIT.notUndone, 'FAIL, NOT ROLLED BACK'],
  inconclusive: [EXIT.inconclusive, 'INCONCLUSIVE'],
  superseded: [EXIT.superseded, 'SUPERSEDED'],
  unreachable: [EXIT.unreachable, 'UNREACHABLE'],
  // Nothing was proven either way.
  stopped: [EXIT.inconclusive, 'STOPPED']
}

/** What the end means for the job: its exit code, and the words of the last line. */
export function verdictOf(ending: Ending, choices: Choices): Verdict {
  if (ending.kind === 'signal')
    return {
      result: 'cancelled',
      code: ending.signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated,
      headline: ending.signal === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED',
      cause: ending.detail
    }
  if (ending.kind === 'lost')
    return chosen({ result: 'unreachable', code: EXIT.unreachable, headline: 'UNREACHABLE', cause: ending.detail }, choices)
  const { told } = ending
  const result = told.result ?? 'inconclusive'
  // A word that only a newer server knows proves nothing to this command.
  const [code, headline] = HEADLINES[result] ?? [EXIT.inconclusive, result.toUpperCase()]
  const numbers = numbersText(told)
  const undone = undoneText(told)
  return chosen(
    {
      result,
      code,
      headline,
      cause: told.detail ?? told.sentence ?? told.standing?.first ?? '',
      ...(numbers === undefined ? {} : { numbers }),
      ...(undone === undefined ? {} : { undone })
    },
    choices
  )
}

function chosen(verdict: Verdict, { onInconclusive, onUnreachable }: Choices): Verdict {
  const [flag, choice] =
    verdict.code === EXIT.inconclusive
      ? ['--on-inconclusive', onInconclusive]
      : verdict.code === EXIT.unreachable
        ? ['--on-unreachable', onUnreachable]
        : ['', undefined]
  if (choice === undefined) return verdict
  const code = choice === 'pass' ? EXIT.ok : EXIT.notUndone
  return { ...verdict, code, chosen: `${flag} ${choice} makes exit ${code} of ${verdict.code}` }
}

function undoneText({ result, run, version, entry, onFail, dryRun }: Told): string | undefined {
  if (result === 'rolled-back')
    return `taken back${version?.replaces === undefined ? '' : ` to ${versionText(version.replaces)}`}${run === undefined ? '' : ` by run ${run.id}`}`
  if (result !== 'failed') return run?.wrote === true ? `run ${run.id} wrote` : undefined
  if (run !== undefined) {
    const why = [run.reason ?? run.outcome, run.sentence?.replace(/\.$/, ''), run.detail].filter(word => word !== undefined)
    return `${run.wrote ? 'written, and it did not help' : 'nothing was written'} (${why.join(': ')}; run ${run.id})`
  }
  if (dryRun) return 'nothing was written (--dry-run)'
  if (onFail === 'report') return 'nothing was written (--on-fail report)'
  return entry === undefined ? 'nothing was written (no entry of guards: covers this target)' : 'nothing was written'
}

/** The last line: verdict, cause, numbers, what was undone, link. */
export function lastLine(verdict: Verdict, link: string | undefined): string {
  return [
    `${verdict.headline} (exit ${verdict.code})${verdict.cause === '' ? '' : `: ${verdict.cause}`}`,
    verdict.numbers,
    verdict.undone,
    verdict.chosen,
    link
  ]
    .filter(word => word !== undefined && word !== '')
    .join(' · ')
}
