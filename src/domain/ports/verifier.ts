import type { History, Span } from '../history.ts'
import type { VerificationQuery } from '../policy.ts'
import type { Sample } from '../verdict.ts'

/** A policy's query with every template rendered. */
export interface RenderedQuery extends Omit<VerificationQuery, 'promql' | 'traffic'> {
  readonly promql: string
  readonly traffic?: { readonly promql: string; readonly atLeast: number }
}

/** Where numbers come from. */
export interface Verifier {
  /** Asks all queries at one instant (Astern's clock). Never throws for what a source does: that becomes a verdict. */
  sample(queries: readonly RenderedQuery[], at: number, signal: AbortSignal): Promise<Sample>
  /**
   * What the queries said over a span of the past (Astern's clock), judged as a sample is. What the source says of an instant may
   * depend on it: no number is kept that it did not give. Never throws for what a source does.
   */
  history(queries: readonly RenderedQuery[], span: Span, signal: AbortSignal): Promise<History>
  /** The source's clock less Astern's, in milliseconds; 0 while no difference is proven. */
  clockOffset(): number
  /** By how much that may be wrong at the most, milliseconds. */
  clockUncertainty(): number
}
