import { formatDuration } from '../../base/duration.ts'
import type { AuditRow } from '../../domain/audit.ts'
import type { Reason, Refusal } from '../../domain/reasons.ts'
import type { Move, Pass } from '../pass.ts'
import { conclude, type Settled } from './ending.ts'

/** How many rows of a run are read. More than these have a run that changed its mind at each look for hours: its audit log tells it. */
const ROWS = 1_000

/** How many earlier reasons are told: the longest ones. A person reads this at night. */
const EARLIER = 2

/** Shorter waits are left to the audit log, milliseconds: nobody learns anything from them. */
const SHORTEST = 1_000

/**
 * Ends a run whose time to act was up while it waited. Told is what it waits for now, and what it waited for before: at the last look there
 * may be no sample, and what kept Astern's hands off for the twenty minutes before was something else.
 * @param refusal what it waits for now; absent where it was never looked at
 */
export async function timeUp(pass: Pass, refusal: Refusal | undefined, settled: Settled = {}): Promise<Move> {
  if (refusal === undefined) return conclude(pass, { outcome: 'timed-out', detail: 'the time to act was up' }, settled)
  const { ports, run } = pass
  const rows = await ports.ledger.audit({ runId: run.id }, ROWS)
  const earlier = rows.length === ROWS ? [] : earlierWaits(rows, { now: ports.clock.now(), last: refusal.reason })
  const detail = [
    `${refusal.reason}: ${refusal.detail}`,
    ...earlier.map(wait => `before, it waited ${formatDuration(wait.ms)} for ${wait.reason}: ${wait.detail}`)
  ].join('; ')
  return conclude(pass, { outcome: 'timed-out', refusal, detail }, settled)
}

interface Wait {
  readonly reason: Reason
  /** As it was told when the wait began last. */
  readonly detail: string
  /** All such waits of the run together, to the second. */
  readonly ms: number
}

/**
 * The longest of the other reasons for which a run waited. A wait lasts until the next decision, for an unchanged reason has no new row, or
 * until the run ended: an alert that comes back takes it up again.
 */
function earlierWaits(rows: readonly AuditRow[], { now, last }: { readonly now: number; readonly last: Reason }): readonly Wait[] {
  const turns = rows.filter(row => row.kind === 'decision' || row.kind === 'concluded')
  const waits = new Map<Reason, Wait>()
  for (const [index, { at, kind, body }] of turns.entries()) {
    if (kind !== 'decision' || body.verdict !== 'hold' || body.reason === last) continue
    const { reason, detail } = body
    const until = turns[index + 1]?.at ?? now
    waits.set(reason, { reason, detail, ms: (waits.get(reason)?.ms ?? 0) + until - at })
  }
  return [...waits.values()]
    .filter(({ ms }) => ms >= SHORTEST)
    .map(wait => ({ ...wait, ms: Math.round(wait.ms / 1_000) * 1_000 }))
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, EARLIER)
}
