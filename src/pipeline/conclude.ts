import type { AuditEntry } from '../domain/audit.ts'
import { audited, ofRun } from '../domain/audited.ts'
import type { IntentState } from '../domain/plan.ts'
import type { Claim, Run } from '../domain/run.ts'
import { type Ending, endingMessages, needsPeople } from './messages.ts'
import { configuredMode, type Ports } from './ports.ts'

/** What is settled together with an ending. */
export interface Settled {
  readonly intent?: { readonly id: string; readonly state: IntentState }
  readonly audit?: readonly AuditEntry[]
}

/** Ends a run: outcome, audit, and the messages for people, in one transaction. */
export async function conclude(ports: Ports, run: Run, claim: Claim, ending: Ending, settled: Settled = {}): Promise<void> {
  const now = ports.clock.now()
  const people = needsPeople(ending)
  const silent = isSilent(ports, run)
  const about = ofRun(run, now)
  const told = people && !silent
  // Good news goes only where nobody is woken by it; a run that wrote nothing and needs nobody has no news.
  const list = ending.refusal?.reason === 'storm' && !silent ? await ports.ledger.storm(now) : undefined
  const messages = silent
    ? []
    : people
      ? endingMessages(run, ending, run.policy.escalate.to, list?.targets)
      : run.wrote
        ? endingMessages(run, ending, run.policy.escalate.to.filter(ports.takesNotices))
        : []
  const storm = ending.refusal?.facts?.storm
  const whom = { channels: run.policy.escalate.to, ...(storm === undefined ? {} : { storm }) }
  const audit: AuditEntry[] = [
    ...(settled.audit ?? []),
    audited.concluded(about, { ...ending, wrote: run.wrote }),
    ...(people ? [silent ? audited.wouldTell(about, whom) : audited.told(about, whom)] : [])
  ]
  const saved = await ports.ledger.save(
    claim,
    {
      change: { state: 'ended', outcome: ending.outcome, reason: ending.refusal?.reason ?? null, detail: ending.detail, wrote: run.wrote },
      audit,
      messages,
      told,
      ...(settled.intent === undefined ? {} : { intent: settled.intent }),
      release: true
    },
    now
  )
  if (!saved) return
  ports.faults.reach('concluded')
  ports.recorder.concluded(run, ending.outcome, ending.refusal?.reason, ending.detail)
}

/** By configuration, not by the switch: a switch lowered by hand never silences anything (rules 6). Nor is silent what was written. */
function isSilent(ports: Ports, run: Run): boolean {
  return run.kind === 'dry-run' || (configuredMode(ports, run) === 'dry-run' && !run.wrote)
}
