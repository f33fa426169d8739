import type { TraceEntry } from '../../domain/dry-run.ts'
import type { DecidePorts } from '../ports.ts'
import { guardStage } from './guard.ts'
import type { Learned } from './learned.ts'
import { type Planned, planStage } from './plan.ts'
import { type Considered, resolveStage } from './resolve.ts'
import { type Stage, type StageResult, then, traced } from './stage.ts'
import { symptomStage } from './symptom.ts'
import { type Verified, verifyStage } from './verify.ts'

/** One decision that is being made: its ports, the trace that the stages write, and what they find out. */
export interface Deciding {
  readonly ports: DecidePorts
  readonly trace: TraceEntry[]
  readonly learned: Learned
  readonly signal: AbortSignal
}

/** The product's policy on one screen: what must hold, in which order, before anything is written. */
export async function decide({ ports, trace, learned, signal }: Deciding, considered: Considered): Promise<StageResult<Planned>> {
  const t = <A, B>(stage: Stage<A, B>): Stage<A, B> => traced(stage, trace, ports.stopwatch)
  const { beforeQueries, onceDated, onSymptom } = ports.guards
  const flow = then(
    t(resolveStage(ports, learned)),
    then(
      t(guardStage('target', beforeQueries)),
      then(
        t(symptomStage(ports, learned)),
        then(
          t(guardStage('correlate', onceDated)),
          then(t(verifyStage(ports)), then(t(guardStage('guards', onSymptom)), t(planStage(ports))))
        )
      )
    )
  )
  return flow.run(considered, signal)
}

/** Asks only whether the symptom is real, where no rung applies. People are told only of a real symptom. */
export async function verifyOnly({ ports, trace, learned, signal }: Deciding, considered: Considered): Promise<StageResult<Verified>> {
  const t = <A, B>(stage: Stage<A, B>): Stage<A, B> => traced(stage, trace, ports.stopwatch)
  const { beforeQueries, onceDatedOnly } = ports.guards
  const flow = then(
    t(resolveStage(ports, learned)),
    then(
      t(guardStage('target', beforeQueries)),
      then(t(symptomStage(ports, learned)), then(t(guardStage('correlate', onceDatedOnly)), t(verifyStage(ports))))
    )
  )
  return flow.run(considered, signal)
}
