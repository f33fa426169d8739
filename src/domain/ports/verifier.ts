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
  /** When the condition behind the alert became true (before its `for`), by the rules API; undefined where the API does not say. */
  activeAt(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<number | undefined>
  /** The source's clock less Astern's, in milliseconds; 0 while no difference is proven. */
  clockOffset(): number
}
