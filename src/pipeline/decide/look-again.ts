import { isNews, lookAt, type Moment } from '../../domain/look-at.ts'
import type { TargetLooks } from '../../domain/looks.ts'
import type { ObjectRef } from '../../domain/objects.ts'
import type { Workload } from '../../domain/workload.ts'
import type { ReadingPorts } from '../ports.ts'

/** A target as it was read. */
interface Read extends Omit<Moment, 'offset'> {
  readonly target: ObjectRef
  readonly workload: Workload
}

export interface LookedAgain {
  readonly workload: Workload
  /** What the next look must know; absent where it knows it already. */
  readonly looked?: TargetLooks
}

/** Judges the target's rollout by what was read now and what earlier looks saw, whichever run or process made them. */
export async function lookAgain(
  { ledger, cluster }: Pick<ReadingPorts, 'cluster'> & { readonly ledger: Pick<ReadingPorts['ledger'], 'looks'> },
  { target, workload, ...moment }: Read
): Promise<LookedAgain> {
  const known = await ledger.looks(target)
  const { workload: judged, looks } = lookAt(workload, known, { ...moment, offset: cluster.clockOffset() })
  return { workload: judged, ...(isNews(looks, known) ? { looked: { target, looks } } : {}) }
}
