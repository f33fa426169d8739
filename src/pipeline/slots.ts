import { targetKey } from '../domain/objects.ts'
import type { ClaimRoom } from '../domain/ports/ledger.ts'
import type { Run } from '../domain/run.ts'
import { sourceOf } from '../domain/trigger.ts'

/** How many runs are claimed together at most, so that a worker looks often at who came meanwhile. */
const CLAIMED_TOGETHER = 64
/** One source has at most three quarters of the places, so that the others always find one. */
const SOURCE_SHARE = 3 / 4
/** One target has at most this part of the places. Its runs all ask about the same thing, so more of them tell nothing more. */
const TARGET_SHARE = 1 / 32

/** The place of one run that is under way. */
export interface Slot {
  /** Sleeps without the place, so that another run can have it, and goes on once there is a place again. */
  rest(sleep: () => Promise<void>): Promise<void>
  /** The run's pass is over. */
  end(): void
}

export interface Slots {
  /** Takes a place for a run that was claimed. */
  begin(run: Run): Slot
  /** What may be claimed now. */
  room(): ClaimRoom
}

/**
 * The places of one worker: some for runs at work, and others for runs that sleep between two samples. A run that sleeps while its
 * source's or target's share of the sleeping places is used up keeps its place at work.
 * @param freed called when a place at work became free
 */
export function createSlots({ atWork, asleep }: { readonly atWork: number; readonly asleep: number }, freed: () => void): Slots {
  const working = createPlaces(atWork)
  const sleeping = createPlaces(asleep)
  const back: (() => void)[] = []

  function leave(run: Run): void {
    working.leave(run)
    const next = back.shift()
    if (next === undefined) freed()
    else next()
  }

  async function comeBack(run: Run): Promise<void> {
    if (working.free() <= 0)
      await new Promise<void>(resolve => {
        back.push(resolve)
      })
    working.enter(run)
  }

  return {
    begin(run) {
      working.enter(run)
      let holds = true
      return {
        async rest(sleep) {
          if (!sleeping.hasRoomFor(run)) return sleep()
          sleeping.enter(run)
          holds = false
          leave(run)
          try {
            await sleep()
          } finally {
            sleeping.leave(run)
          }
          await comeBack(run)
          holds = true
        },
        end() {
          if (holds) leave(run)
        }
      }
    },
    room: () => ({ atMost: Math.max(0, Math.min(CLAIMED_TOGETHER, working.free() - back.length)), ...working.shares() })
  }
}

/** Places of one kind, and who has them. */
function createPlaces(total: number) {
  const perSource = Math.max(1, Math.floor(total * SOURCE_SHARE))
  const perTarget = Math.max(1, Math.floor(total * TARGET_SHARE))
  const sources = new Map<string, number>()
  const targets = new Map<string, number>()
  let taken = 0
  const count = (run: Run, by: number): void => {
    taken += by
    add(sources, sourceOf(run.trigger), by)
    if (run.target !== undefined) add(targets, targetKey(run.target), by)
  }
  return {
    enter: (run: Run) => count(run, 1),
    leave: (run: Run) => count(run, -1),
    free: () => total - taken,
    hasRoomFor: (run: Run) =>
      taken < total &&
      (sources.get(sourceOf(run.trigger)) ?? 0) < perSource &&
      (run.target === undefined || (targets.get(targetKey(run.target)) ?? 0) < perTarget),
    shares: (): Omit<ClaimRoom, 'atMost'> => ({ perSource, perTarget, sources: new Map(sources), targets: new Map(targets) })
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
