import type { JsonObject } from '../../base/json.ts'
import type { HandedOver, HandOver, HandOverResult } from '../hand-over.ts'

/** What people answer to what they were told. */
export interface HandOverLedger {
  /** Hands the affair of a run over to somebody. Whoever comes first has it; everybody else is told who that is. */
  handOver(request: HandOver): Promise<HandOverResult>
  /** Who has taken over the affair of a run. */
  handedOver(runId: string): Promise<HandedOver | undefined>
  /** What a channel remembers of an affair, such as where its message stands. */
  rememberedOf(affair: string, channel: string): Promise<JsonObject | undefined>
  /** Notes that a callback was accepted. False where it was before: somebody sent it a second time. */
  acceptOnce(id: string, now: number): Promise<boolean>
}
