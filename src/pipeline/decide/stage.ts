import type { TraceEntry } from '../../domain/dry-run.ts'
import type { Refusal } from '../../domain/reasons.ts'

/** The result of a stage: a value for the next stage, or the reason why the run stops here, for now or for good. */
export type StageResult<T> = { readonly kind: 'next'; readonly value: T } | Stopped

export interface Stopped {
  readonly kind: 'stop'
  readonly refusal: Refusal
}

/** One stage of the flow, with one type of input and one of output. Its types name all that it needs. */
export interface Stage<A, B> {
  readonly name: string
  run(input: A, signal: AbortSignal): Promise<StageResult<B>>
}

/** Hands a value to the next stage. */
export function next<T>(value: T): StageResult<T> {
  return { kind: 'next', value }
}

/** Ends the decision with a reason. */
export function stop(refusal: Refusal): Stopped {
  return { kind: 'stop', refusal }
}

/** Makes one stage of two that follow each other. */
export function then<A, B, C>(first: Stage<A, B>, second: Stage<B, C>): Stage<A, C> {
  return {
    name: `${first.name} → ${second.name}`,
    async run(input, signal) {
      const between = await first.run(input, signal)
      return between.kind === 'stop' ? between : second.run(between.value, signal)
    }
  }
}

/** Makes a stage write into the trace how long it took and why it stopped. */
export function traced<A, B>(stage: Stage<A, B>, trace: TraceEntry[], stopwatch: () => number): Stage<A, B> {
  return {
    name: stage.name,
    async run(input, signal) {
      const started = stopwatch()
      const result = await stage.run(input, signal)
      trace.push({ stage: stage.name, ms: stopwatch() - started, ...(result.kind === 'stop' ? { stopped: result.refusal } : {}) })
      return result
    }
  }
}
