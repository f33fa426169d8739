import type { AuditEntry } from '../../domain/audit.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import type { SettledIntent } from '../../domain/ports/ledger.ts'
import type { Run } from '../../domain/run.ts'
import { whatChanged } from '../../domain/told-change.ts'
import type { WhatChanged } from '../../domain/what-changed.ts'
import type { Move, Pass } from '../pass.ts'
import { configuredPermission, type PhasePorts } from '../ports.ts'
import { type Ending, endingMessages, groupOf, needsPeople } from './messages.ts'

/** What is saved together with a refusal or an ending. */
export interface Settled {
  readonly intent?: SettledIntent
  readonly audit?: readonly AuditEntry[]
}

/** Ends a run: outcome, audit, and the messages for people. */
export async function conclude({ ports, run }: Pick<Pass, 'ports' | 'run'>, ending: Ending, settled: Settled = {}): Promise<Move> {
  const now = ports.clock.now()
  const people = needsPeople(ending)
  const silent = isSilent(ports, run)
  const about = ofRun(run, now)
  // Good news goes only to channels that wake nobody. A run that wrote nothing and needs nobody has no news.
  const messages =
    silent || !(people || run.wrote) ? [] : endingMessages(run, { ...ending, changed: await changedOf(ports, run, ending) }, ports.channels)
  const storm = ending.refusal?.facts?.storm
  // Alerts of one source on one target share a message. Being counted in it is being told.
  const group = storm === undefined ? groupOf(run) : undefined
  const recipients = {
    channels: run.policy.escalate.to,
    ...(storm === undefined ? {} : { storm }),
    ...(group === undefined ? {} : { group })
  }
  const audit: AuditEntry[] = [
    ...(settled.audit ?? []),
    audited.concluded(about, { ...ending, wrote: run.wrote }),
    ...(people ? [silent ? audited.wouldTell(about, recipients) : audited.told(about, recipients)] : [])
  ]
  return {
    kind: 'move',
    to: 'ended',
    again: now,
    change: { outcome: ending.outcome, reason: ending.refusal?.reason ?? null, detail: ending.detail, wrote: run.wrote },
    audit,
    messages,
    told: people && !silent,
    ...(settled.intent === undefined ? {} : { intent: settled.intent })
  }
}

/** Whether the run tells nobody, as a dry run does. Configuration makes a dry run, never the switch (rules 6). A run that wrote is none. */
function isSilent(ports: PhasePorts, run: Run): boolean {
  return run.kind === 'dry-run' || (configuredPermission(ports, run) === 'dry-run' && !run.wrote)
}

/** What changed before the symptom: what the refusal saw, or the newest decision to write. */
async function changedOf({ ledger }: PhasePorts, run: Run, { refusal }: Ending): Promise<WhatChanged | undefined> {
  const seen = whatChanged(refusal?.facts)
  if (seen !== undefined || !run.wrote) return seen
  for (let step = run.step; step >= 0; step -= 1) {
    const changed = (await ledger.intentOf(run.id, step))?.plan.changed
    if (changed !== undefined) return changed
  }
  return undefined
}
