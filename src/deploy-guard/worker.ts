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
  /** Stops taking up guards, ends the looks under way, and waits for them. */
  stop(): Promise<void>
  /** Takes up all that is due now and has a place, and waits for it. For tests. */
  turn(): Promise<number>
}

/** A look reads the cluster and a source, each with deadlines of its own; the claim outlasts it. */
const LOOK_MS = 45 * SECOND
const LEASE_MS = 60 * SECOND
/** Looks at a time. One that takes long keeps its place, and holds up no other while there are more. */
const AT_ONCE = 16
const IDLE_MS = SECOND
/** How soon a look is tried again that failed in a way that nobody foresaw. */
const AGAIN_MS = 10 * SECOND

/** Looks at every deploy guard that is due. Any number of workers may work on one ledger. */
export function createGuardWorker(ports: GuardPorts, owner: string): GuardWorker {
  const stopping = new AbortController()
  const { sessions } = ports
  /** The looks under way, by their guards. */
  const busy = new Map<string, Promise<void>>()
  let waking: (() => void) | undefined
  let kicked = false
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
    const began = ports.clock.now()
    const remembered: Remembered = { guard, memory: memoryOf(memory) }
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LOOK_MS)])
    let save: GuardSave
    let failed = false
    try {
      save = await look(remembered, signal)
      const learned = await lessonOf(ports, save.guard, save.memory)
      if (learned !== undefined) save = { ...save, learned }
    } catch (cause) {
      failed = !stopping.signal.aborted
      if (failed) ports.failed(`guard ${guard.id}`, cause)
      // It stays as the ledger has it, and is looked at again.
      const now = ports.clock.now()
      save = lookAgain(remembered, failed ? now + AGAIN_MS : now, guard.awaits)
    }
    const kept = await ports.ledger.saveGuard(claim, save)
    ports.faults.reach('guard-kept')
    ports.meter?.looked(kept ? (failed ? 'failed' : 'kept') : 'lost', (ports.clock.now() - began) / SECOND)
    if (kept && save.guard.result !== undefined) ports.meter?.ended(save.guard.result)
    // A run that it began goes on asking.
    if (!kept || save.guard.state === 'ended') sessions.end(guard.id)
  }

  /** Begins the looks that are due and have a place. */
  async function take(): Promise<readonly Promise<void>[]> {
    kicked = false
    sessions.sweep()
    const room = AT_ONCE - busy.size
    const claimed = room <= 0 ? [] : await ports.ledger.claimGuards(owner, ports.clock.now(), LEASE_MS, room)
    // A look that outlived its claim is still at work here: its guard waits until this claim has run out as well.
    return claimed.filter(({ guard }) => !busy.has(guard.id)).map(begin)
  }

  function begin(claimed: ClaimedGuard): Promise<void> {
    const { id } = claimed.guard
    const looking = work(claimed)
      .catch((cause: unknown) => ports.failed('keeping a guard', cause))
      .finally(() => {
        busy.delete(id)
        kick()
      })
    busy.set(id, looking)
    return looking
  }

  async function turn(): Promise<number> {
    const looks = await take()
    await Promise.all(looks)
    return looks.length
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const taken = await take()
        ports.turned?.()
        if (taken.length > 0) continue
        const due = await ports.ledger.nextGuardDue()
        if (kicked) continue
        // Without a place nothing can be taken up: whoever ends gives a kick.
        const soonest = busy.size < AT_ONCE ? (due ?? Number.POSITIVE_INFINITY) - ports.clock.now() : IDLE_MS
        await pause(Math.max(5, Math.min(IDLE_MS, soonest)))
      } catch (cause) {
        if (stopping.signal.aborted) return
        ports.failed('taking up guards', cause)
        await pause(IDLE_MS)
      }
    }
  }

  function kick(): void {
    kicked = true
    waking?.()
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
    kick,
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await loop
      await Promise.all(busy.values())
      sessions.endAll()
    },
    turn
  }
}
