import type { TraceEntry } from '../../domain/dry-run.ts'
import type { Refusal } from '../../domain/reasons.ts'

/** What a stage came to: something for the next one, or the closed reason why the run stops here for now or for good. */
export type StageResult<T> = { readonly kind: 'next'; readonly value: T } | Stopped

export interface Stopped {
  readonly kind: 'stop'
  readonly refusal: Refusal
}

/** One box of the flow: one file, one type of input, one of output. What it needs stands in its types. */
export interface Stage<A, B> {
  readonly name: string
  run(input: A, signal: AbortSignal): Promise<StageResult<B>>
}

export function next<T>(value: T): StageResult<T> {
  return { kind: 'next', value }
}

export function stop(refusal: Refusal): Stopped {
  return { kind: 'stop', refusal }
}

/** Two stages in a row. A stage of the wrong shape does not compose. */
export function then<A, B, C>(first: Stage<A, B>, second: Stage<B, C>): Stage<A, C> {
  return {
    name: `${first.name} → ${second.name}`,
    async run(input, signal) {
      const between = await first.run(input, signal)
      return between.kind === 'stop' ? between : second.run(between.value, signal)
    }
  }
}

/** The same stage, with the time that it took and its stop written into the trace. */
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
