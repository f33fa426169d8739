import type { TraceEntry } from '../../domain/dry-run.ts'
import type { DecidePorts } from '../ports.ts'
import { guardStage } from './guard.ts'
import { type Planned, planStage } from './plan.ts'
import { type Considered, type Resolved, resolveStage } from './resolve.ts'
import { type Stage, type StageResult, then, traced } from './stage.ts'
import { type Verified, verifyStage } from './verify.ts'

/** One decision that is being made: its ports, and the trace that the stages write. */
export interface Deciding {
  readonly ports: DecidePorts
  readonly trace: TraceEntry[]
  readonly signal: AbortSignal
}

/** The product's policy on one screen: what must hold, in which order, before anything is written. */
export async function decide({ ports, trace, signal }: Deciding, considered: Considered): Promise<StageResult<Planned>> {
  const t = <A, B>(stage: Stage<A, B>): Stage<A, B> => traced(stage, trace, ports.stopwatch)
  const { beforeQueries, onSymptom } = ports.guards
  const flow = then(
    t(resolveStage(ports)),
    then(
      t(guardStage<Resolved>('correlate', beforeQueries)),
      then(t(verifyStage(ports)), then(t(guardStage<Verified>('guards', onSymptom)), t(planStage(ports))))
    )
  )
  return flow.run(considered, signal)
}

/** Asks only whether the symptom is real, where no rung applies. People are told only of a real symptom. */
export async function verifyOnly({ ports, trace, signal }: Deciding, considered: Considered): Promise<StageResult<Verified>> {
  const t = <A, B>(stage: Stage<A, B>): Stage<A, B> => traced(stage, trace, ports.stopwatch)
  const correlate = guardStage<Resolved>('correlate', ports.guards.beforeSymptomOnly)
  return then(t(resolveStage(ports)), then(t(correlate), t(verifyStage(ports)))).run(considered, signal)
}
