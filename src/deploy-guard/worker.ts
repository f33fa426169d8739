import { SECOND } from '../base/clock.ts'
import type { ClaimedGuard, GuardSave } from '../domain/ports/guard-ledger.ts'
import { followRun } from './act.ts'
import { lookAgain } from './ending.ts'
import { lessonOf } from './learned.ts'
import { memoryOf, type Remembered } from './memory.ts'
import type { GuardPorts } from './ports.ts'
import { waitForVersion } from './wait.ts'
import { watchRollout } from './watch.ts'

export interface GuardWorker {
  start(): void
  /** Makes it look at once, because a guard was begun. */
  kick(): void
  /** Stops taking up guards, and waits for the looks under way. */
  stop(): Promise<void>
  /** Takes up all that is due now, and waits for it. For tests. */
  turn(): Promise<number>
}

/** A look reads the cluster and a source, each with deadlines of its own; the claim outlasts it. */
const LOOK_MS = 45 * SECOND
const LEASE_MS = 60 * SECOND
const AT_ONCE = 16
const IDLE_MS = SECOND
/** How soon a look is tried again that failed in a way that nobody foresaw. */
const AGAIN_MS = 10 * SECOND

/** Looks at every deploy guard that is due. Any number of workers may work on one ledger. */
export function createGuardWorker(ports: GuardPorts, owner: string): GuardWorker {
  const stopping = new AbortController()
  const { sessions } = ports
  let waking: (() => void) | undefined
  let loop: Promise<void> | undefined

  async function look(remembered: Remembered, signal: AbortSignal): Promise<GuardSave> {
    switch (remembered.guard.state) {
      case 'waiting':
        return waitForVersion(ports, remembered, signal)
      case 'watching':
        return watchRollout(ports, sessions.of(remembered.guard), remembered, signal)
      case 'acting':
        return followRun(ports, remembered)
      case 'ended':
        throw new Error(`guard ${remembered.guard.id} is over`)
    }
  }

  async function work({ guard, claim, memory }: ClaimedGuard): Promise<void> {
    const remembered: Remembered = { guard, memory: memoryOf(memory) }
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LOOK_MS)])
    let save: GuardSave
    try {
      save = await look(remembered, signal)
      const learned = await lessonOf(ports, save.guard, save.memory)
      if (learned !== undefined) save = { ...save, learned }
    } catch (cause) {
      if (!stopping.signal.aborted) ports.failed(`guard ${guard.id}`, cause)
      // It stays as the ledger has it, and is looked at again.
      const now = ports.clock.now()
      save = lookAgain(remembered, stopping.signal.aborted ? now : now + AGAIN_MS, guard.awaits)
    }
    const kept = await ports.ledger.saveGuard(claim, save)
    ports.faults.reach('guard-kept')
    // A run that it began goes on asking.
    if (!kept || save.guard.state === 'ended') sessions.end(guard.id)
  }

  async function turn(): Promise<number> {
    sessions.sweep()
    const claimed = await ports.ledger.claimGuards(owner, ports.clock.now(), LEASE_MS, AT_ONCE)
    const done = await Promise.allSettled(claimed.map(work))
    for (const result of done) if (result.status === 'rejected') ports.failed('keeping a guard', result.reason)
    return claimed.length
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const looked = await turn()
        ports.turned?.()
        if (looked > 0) continue
        const due = await ports.ledger.nextGuardDue()
        await pause(Math.max(5, Math.min(IDLE_MS, (due ?? Number.POSITIVE_INFINITY) - ports.clock.now())))
      } catch (cause) {
        if (stopping.signal.aborted) return
        ports.failed('taking up guards', cause)
        await pause(IDLE_MS)
      }
    }
  }

  function pause(ms: number): Promise<void> {
    const woken = new AbortController()
    waking = () => woken.abort()
    return ports.clock.sleep(ms, AbortSignal.any([woken.signal, stopping.signal])).catch(() => {})
  }

  return {
    start() {
      loop ??= run()
    },
    kick: () => waking?.(),
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await loop
      sessions.endAll()
    },
    turn
  }
}
