import { EXPIRES_AFTER_MS } from '../domain/incident.ts'
import type { ClaimedRun } from '../domain/run.ts'
import type { Ports } from './ports.ts'
import { advance } from './run.ts'
import { admitIncidents } from './settle/admit.ts'
import { beginEpisodes } from './settle/episodes.ts'
import { settleLoans } from './settle/loans.ts'
import { createSlots } from './slots.ts'

export interface WorkerOptions {
  readonly owner: string
  /** How many runs are worked on at a time. Default 256, because a run spends most of its time waiting for answers. */
  readonly concurrency?: number
  /** How many more may sleep between two samples, each with a few kilobytes of what it read. Default 2,048. */
  readonly asleep?: number
  /** How long a claim holds without renewal, milliseconds. Default 60 s, which is longer than any call's deadline. */
  readonly leaseMs?: number
  /** How often the worker looks at the ledger when nothing is known to be due, milliseconds. Default 1 s. */
  readonly idleMs?: number
  /** Is called when a turn was finished in which nothing failed. */
  readonly turned?: () => void
}

export interface Worker {
  start(): void
  /** Makes the worker look at once, because new incidents came in or the switch moved. */
  kick(): void
  /** Stops taking up runs, and waits for those under way. Each of them stops where it next waits. */
  stop(): Promise<void>
  /** Resolves when nothing is due or under way. For tests. */
  idle(): Promise<void>
}

/** New incidents are admitted at least this often, milliseconds, while deliveries come in without a pause. */
const ADMITTED_WITHIN_MS = 500
const INTAKE_LOOK_MS = 5
/** For so long the worker admits incidents before it takes up runs, milliseconds. */
const ADMITTING_MS = 1_000
/** How often the worker looks at what is due while runs are under way, milliseconds. Each that ends makes it look at once. */
const BUSY_LOOK_MS = 20

/** How often the worker looks for idle incidents. */
const EXPIRY_EVERY_MS = 60_000

/** Takes up runs that are due. Any number of workers may work on one ledger. */
export function createWorker(ports: Ports, options: WorkerOptions): Worker {
  const leaseMs = options.leaseMs ?? 60_000
  const stopping = new AbortController()
  const busy = new Set<Promise<void>>()
  let loop: Promise<void> | undefined
  let episodes: Promise<void> | undefined
  let wake: (() => void) | undefined
  let kicked = false
  let expiryAt = 0
  let settled: (() => void)[] = []
  const slots = createSlots({ atWork: options.concurrency ?? 256, asleep: options.asleep ?? 2_048 }, kick)

  async function work(claimed: ClaimedRun): Promise<void> {
    const { claim } = claimed
    const slot = slots.begin(claimed.run)
    const lost = new AbortController()
    const signal = AbortSignal.any([stopping.signal, lost.signal])
    const renewal = setInterval(() => {
      ports.ledger.renew(claim, ports.clock.now(), leaseMs).then(
        held => {
          if (!held) lost.abort(new Error('the claim was lost'))
        },
        (cause: unknown) => ports.recorder.failed('renewing a claim', cause)
      )
    }, leaseMs / 3)
    try {
      await advance({ ...ports, rest: slot.rest }, claimed, signal)
    } catch (cause) {
      if (!signal.aborted) ports.recorder.failed(`run ${claim.runId}`, cause)
      const now = ports.clock.now()
      // The run stays as the ledger has it, and is taken up again later.
      await ports.ledger
        .save(claim, { change: { nextAt: signal.aborted ? now : now + claimed.run.policy.recheck }, audit: [], release: true }, now)
        .catch((second: unknown) => ports.recorder.failed('giving back a claim', second))
    } finally {
      clearInterval(renewal)
      slot.end()
    }
  }

  async function expire(): Promise<void> {
    const now = ports.clock.now()
    if (now < expiryAt) return
    expiryAt = now + EXPIRY_EVERY_MS
    const idle = await ports.ledger.idle(now - EXPIRES_AFTER_MS, 100)
    const expired: string[] = []
    const alive: string[] = []
    for (const incident of idle) {
      // Before an idle incident ends, Alertmanager is asked about it, where it is configured (rules 1).
      const state = (await ports.alertStates()?.stateOf(incident.labels, stopping.signal))?.kind ?? 'absent'
      if (state === 'absent') expired.push(incident.id)
      else if (state === 'known') alive.push(incident.id)
    }
    if (idle.length > 0) await ports.ledger.settleIdle(expired, alive, now)
  }

  /** Asks about later starts beside the turn, one batch at a time: a source that answers slowly must not hold up the runs that are due. */
  function lookForEpisodes(): void {
    if (episodes !== undefined) return
    episodes = beginEpisodes(ports, stopping.signal)
      .then(
        begun => {
          if (begun > 0) kick()
        },
        (cause: unknown) => {
          if (!stopping.signal.aborted) ports.recorder.failed('looking for new episodes', cause)
        }
      )
      .finally(() => {
        episodes = undefined
      })
  }

  /** Lets deliveries go first, because their senders wait for an answer. New incidents wait a moment, but not for ever. */
  async function letIntakePass(): Promise<void> {
    const until = ports.clock.now() + ADMITTED_WITHIN_MS
    while (ports.ledger.pending() > 0 && ports.clock.now() < until && !stopping.signal.aborted)
      await ports.clock.sleep(INTAKE_LOOK_MS, stopping.signal).catch(() => {})
  }

  async function turn(): Promise<number> {
    kicked = false
    let well = true
    try {
      await letIntakePass()
      const until = ports.clock.now() + ADMITTING_MS
      // A flood that goes on must not keep the runs waiting that are due.
      while ((await admitIncidents(ports, stopping.signal)) > 0 && ports.clock.now() < until) {
        if (stopping.signal.aborted) return 0
        await letIntakePass()
      }
      lookForEpisodes()
      await expire()
      await settleLoans(ports, stopping.signal)
    } catch (cause) {
      well = false
      // An admission that fails is tried again later. It must not hold up the runs that are under way.
      if (!stopping.signal.aborted) ports.recorder.failed('admitting incidents', cause)
    }
    const room = slots.room()
    const claimed = room.atMost > 0 ? await ports.ledger.claimDue(options.owner, ports.clock.now(), leaseMs, room) : []
    for (const one of claimed) {
      const running = work(one).finally(() => {
        busy.delete(running)
        // The pass may have made another run due: this one's next rung, or a run that waited for the target.
        kick()
      })
      busy.add(running)
    }
    if (well) options.turned?.()
    return claimed.length
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let taken = 0
      try {
        taken = await turn()
      } catch (cause) {
        if (!stopping.signal.aborted) ports.recorder.failed('taking up runs', cause)
      }
      if (taken > 0 || kicked) continue
      const due = await ports.ledger.nextDue().catch(() => undefined)
      const idleMs = options.idleMs ?? 1_000
      // Whoever is due and finds no place takes the next one that becomes free, and the worker is kicked then.
      const soonest = busy.size > 0 ? BUSY_LOOK_MS : 5
      const wait = due === undefined ? idleMs : Math.min(idleMs, Math.max(soonest, due - ports.clock.now()))
      if (busy.size === 0 && episodes === undefined && (due === undefined || due > ports.clock.now())) {
        for (const resolve of settled) resolve()
        settled = []
      }
      if (kicked) continue
      await pause(wait)
    }
  }

  function pause(ms: number): Promise<void> {
    const waking = new AbortController()
    wake = () => waking.abort()
    return ports.clock.sleep(ms, AbortSignal.any([waking.signal, stopping.signal])).catch(() => {})
  }

  function kick(): void {
    kicked = true
    wake?.()
  }

  return {
    start() {
      loop ??= run()
    },
    kick,
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await loop
      await episodes
      await Promise.allSettled(busy)
    },
    idle: () =>
      new Promise(resolve => {
        settled.push(resolve)
        kick()
      })
  }
}
