import type { TraceEntry } from '../domain/dry-run.ts'
import type { Run } from '../domain/run.ts'
import { guardStage } from './guard.ts'
import { type Planned, planStage } from './plan.ts'
import type { Ports } from './ports.ts'
import { type Resolved, resolveStage } from './resolve.ts'
import { type Stage, type Step, then, traced } from './stage.ts'
import { type Verified, verifyStage } from './verify.ts'

/** The product's policy on one screen: what must hold, in which order, before anything is written. */
export async function decide(ports: Ports, run: Run, trace: TraceEntry[], signal: AbortSignal): Promise<Step<Planned>> {
  const t = <A, B>(stage: Stage<A, B>): Stage<A, B> => traced(stage, trace, ports.clock.now)
  const flow = then(
    t(resolveStage(ports)),
    then(
      t(guardStage<Resolved>('correlate', ports.guards.first)),
      then(t(verifyStage(ports)), then(t(guardStage<Verified>('guards', ports.guards.later)), t(planStage(ports))))
    )
  )
  return flow.run(run, signal)
}

/** No rung applies: only whether the symptom is real is asked, so that people hear of nothing that is none. */
export async function verifyOnly(ports: Ports, run: Run, trace: TraceEntry[], signal: AbortSignal): Promise<Step<Verified>> {
  const t = <A, B>(stage: Stage<A, B>): Stage<A, B> => traced(stage, trace, ports.clock.now)
  const first = ports.guards.first.filter(guard => guard.name !== 'change')
  return then(t(resolveStage(ports)), then(t(guardStage<Resolved>('correlate', first)), t(verifyStage(ports)))).run(run, signal)
}
