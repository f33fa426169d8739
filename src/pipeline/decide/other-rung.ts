import type { Blame } from '../../domain/action.ts'
import type { Reason, Refusal } from '../../domain/reasons.ts'
import type { Run } from '../../domain/run.ts'
import { actionOf, type DecidePorts } from '../ports.ts'
import { stepOf } from './resolve.ts'

/** A rung that was decided on and refused. */
export interface StoppedRung {
  readonly run: Run
  readonly refusal: Refusal
}

/** Of the workload's template and the release that may own it, what an action does not look at. */
const COUNTERPART: Readonly<Record<Blame, Blame | undefined>> = { template: 'release', release: 'template', nothing: undefined }

/** The action says that the version is not of its kind: another one made it. */
const NOT_ITS_OWN: ReadonlySet<Reason> = new Set(['helm-owned', 'not-helm-owned', 'changed-past-helm'])

/** The action cannot help here, and says nothing about its counterpart, which has revisions and a change of its own. */
const NOTHING_TO_UNDO: ReadonlySet<Reason> = new Set(['no-good-revision', 'no-recent-change'])

/**
 * Whether a ladder goes on to its next rung, though this one was refused and wrote nothing. It does where the effect is there already,
 * and where a later rung goes back by the release what this one would by the template, or the other way round.
 */
export function goesOn(ports: Pick<DecidePorts, 'actions'>, { run, refusal: { reason } }: StoppedRung): boolean {
  const following = run.policy.steps.slice(run.step + 1)
  if (reason === 'already-so') return following.length > 0
  if (!NOT_ITS_OWN.has(reason) && !NOTHING_TO_UNDO.has(reason)) return false
  const here = stepOf(run)
  const counterpart = COUNTERPART[actionOf(ports, here.action).blames]
  return following.some(
    step =>
      actionOf(ports, step.action).blames === counterpart && JSON.stringify(step.target ?? null) === JSON.stringify(here.target ?? null)
  )
}

/**
 * The refusal that is told where the last rung was refused too: that of the action whose kind of version it is. What the other says
 * stands beside it.
 */
export function toldOf(earlier: readonly StoppedRung[], last: StoppedRung): StoppedRung {
  const others = earlier.filter(({ refusal }) => refusal.reason !== 'already-so')
  const own = others.findLast(({ refusal }) => !NOT_ITS_OWN.has(refusal.reason))
  const told = NOT_ITS_OWN.has(last.refusal.reason) && own !== undefined ? own : last
  const beside = [...others, last]
    .filter(one => one !== told)
    .map(({ run, refusal }) => `${stepOf(run).action}: ${refusal.reason}: ${refusal.detail}`)
  if (beside.length === 0) return told
  return { run: told.run, refusal: { ...told.refusal, detail: [told.refusal.detail, ...beside].join('; ') } }
}
