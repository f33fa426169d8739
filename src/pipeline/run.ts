import type { ClaimedRun, RunState } from '../domain/run.ts'
import { carryOut } from './act/carry-out.ts'
import { confirm } from './act/confirm.ts'
import { consider } from './act/consider.ts'
import type { Phase } from './pass.ts'
import type { Ports } from './ports.ts'
import { settle } from './settle/settle.ts'

/** The life of a run on one screen: what is done in each of its states. Which state may follow which: `RUN_TRANSITIONS`. */
const PHASES: Readonly<Record<RunState, Phase>> = {
  /** Decides. Everything speaks for the write → executing; a reason against it → it waits, or ends. */
  waiting: consider,
  /** Its intent is durable: checks everything once more and writes, or sees whether an earlier write is there. */
  executing: carryOut,
  /** It has written: is the rollout complete, and is the symptom gone? Else the next rung is waited for. */
  watching: confirm,
  ended: async () => ({ kind: 'lost' })
}

/** One pass over a claimed run: phase by phase, as far as it can go now. */
export async function advance(ports: Ports, claimed: ClaimedRun, signal: AbortSignal): Promise<void> {
  if (claimed.run.kind !== 'live') throw new Error(`run ${claimed.run.id} is a dry run: it must never come where writes are made`)
  const countSend = (intentId: string): Promise<boolean> => ports.ledger.countSend(claimed.claim, intentId)
  for (let pass = { ports, ...claimed, signal, carried: { replans: 0 }, countSend }; ; ) {
    const settled = await settle(ports, pass, await PHASES[pass.run.state](pass))
    if (settled === undefined) return
    pass = { ...pass, ...settled }
  }
}
