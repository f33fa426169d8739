import { type HandedOver, handedText } from '../../domain/hand-over.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Pass } from '../pass.ts'

/** Why a run writes nothing more that somebody has taken over. */
export function handedOver(to: HandedOver): Refusal {
  return { reason: 'handed-over', detail: handedText(to) }
}

/** The same as it is at this moment, for what stands right before a write: it may have come since the pass began. */
export async function handedOverNow({ ports, run }: Pick<Pass, 'ports' | 'run'>): Promise<Refusal | undefined> {
  const to = await ports.ledger.handedOver(run.id)
  return to === undefined ? undefined : handedOver(to)
}
