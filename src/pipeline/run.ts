import type { ClaimedRun, RunState } from '../domain/run.ts'
import { carryOut } from './act/carry-out.ts'
import { confirm } from './act/confirm.ts'
import { consider } from './act/consider.ts'
import type { Phase } from './pass.ts'
import type { Ports } from './ports.ts'
import { thenGiveUpFields } from './settle/give-up.ts'
import { settle } from './settle/settle.ts'

/** The life of a run on one screen: the phase of each of its states. `RUN_TRANSITIONS` says which state may follow which. */
const PHASES: Readonly<Record<RunState, Phase>> = {
  /** Decides. With every answer for the write → executing; with a reason against it → the run waits, or ends. */
  waiting: consider,
  /** The intent is durable. Checks everything once more and writes, or sees whether an earlier write is there. */
  executing: thenGiveUpFields(carryOut),
  /**
   * The run has written. Looks whether the rollout is complete and the symptom gone; if not, the next rung follows. Either way the
   * fields that were written are given up before.
   */
  watching: thenGiveUpFields(confirm),
  ended: async () => ({ kind: 'lost' })
}

/** Makes one pass over a claimed run: phase after phase, as far as the run can go now. */
export async function advance(ports: Ports, claimed: ClaimedRun, signal: AbortSignal): Promise<void> {
  if (claimed.run.kind !== 'live') throw new Error(`run ${claimed.run.id} is a dry run: it must never come where writes are made`)
  const countSend = (intentId: string): Promise<boolean> => ports.ledger.countSend(claimed.claim, intentId)
  for (let pass = { ports, ...claimed, signal, carried: { replans: 0 }, countSend }; ; ) {
    const settled = await settle(ports, pass, await PHASES[pass.run.state](pass))
    if (settled === undefined) return
    pass = { ...pass, ...settled }
  }
}
