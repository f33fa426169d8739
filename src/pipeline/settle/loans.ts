import { MINUTE, SECOND } from '../../base/clock.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import type { Message, MessageEvent } from '../../domain/message.ts'
import { targetKey } from '../../domain/objects.ts'
import { servicePermission } from '../../domain/permission.ts'
import type { HeldLoan } from '../../domain/ports/ledger.ts'
import { recipients } from '../../domain/recipients.ts'
import type { Run } from '../../domain/run.ts'
import { routingLabels } from '../../domain/trigger.ts'
import { actionOf, type Ports } from '../ports.ts'
import { runIds } from '../run-ids.ts'
import { giveUpFields } from './give-up.ts'

/** How long a claim on a loan holds: longer than any write of a loan takes. */
const LEASE_MS = 2 * MINUTE
const LOOK_AGAIN_MS = 30 * SECOND

/** Gives back what is due, and reminds people of what only they can give back. @returns how many loans were due. */
export async function settleLoans(ports: Ports, signal: AbortSignal): Promise<number> {
  const now = ports.clock.now()
  const loans = await ports.ledger.claimLoans(now, now + LEASE_MS, 16)
  for (const loan of loans) {
    try {
      await settle(ports, loan, signal)
    } catch (cause) {
      // One that fails holds up no other, and is looked at again before its claim runs out.
      if (!signal.aborted) ports.recorder.failed(`loan ${loan.id}`, cause)
      await lookAgain(ports, loan)
    }
  }
  return loans.length
}

async function settle(ports: Ports, loan: HeldLoan, signal: AbortSignal): Promise<void> {
  const run = await ports.ledger.run(loan.runId)
  if (run === undefined) throw new Error(`loan ${loan.id} has no run`)
  await (loan.loan.kind === 'return' ? giveBack(ports, run, loan, signal) : remind(ports, run, loan, signal))
}

/** Leaves a loan as it is for a while. */
function lookAgain({ ledger, clock }: Ports, { id }: HeldLoan, afterMs = LOOK_AGAIN_MS): Promise<void> {
  const now = clock.now()
  return ledger.settleLoan(id, { state: 'held', nextAt: now + afterMs, audit: [], messages: [] }, now)
}

/**
 * Gives back one loan. Giving back is the only write that is made after people were told (rules 1). It has its own preconditions,
 * and it waits while the switch is lowered, during a storm, and while a run works on the target.
 */
async function giveBack(ports: Ports, run: Run, held: HeldLoan, signal: AbortSignal): Promise<void> {
  const { plan, loan } = held
  const now = ports.clock.now()
  const [facts, state, storm] = await Promise.all([
    ports.ledger.targetFacts(plan.target, [], run.id, now),
    ports.ledger.switchState(),
    ports.ledger.storm(now)
  ])
  if (servicePermission(ports.ceiling, state.mode) !== 'act') return lookAgain(ports, held)
  if (facts.lockedBy !== undefined || storm !== undefined) return lookAgain(ports, held)
  ports.faults.reach('before-return')
  const result = (await actionOf(ports, plan.action).giveBack?.(ports.tools, plan, signal)) ?? {
    kind: 'refused' as const,
    detail: `${plan.action} cannot give anything back`
  }
  ports.faults.reach('after-return')
  if (result.kind === 'unknown' || result.kind === 'not-now')
    return lookAgain(ports, held, Math.max(result.retryAfterMs ?? 0, LOOK_AGAIN_MS))
  const returned = result.kind === 'applied'
  const fields = returned ? await giveUpFields(ports, { run, id: held.id, plan }, signal) : { audit: [] }
  const detail = returned
    ? loan.summary
    : `${loan.summary}: not done, ${result.kind === 'conflict' ? 'somebody changed it since' : result.detail}`
  const about = ofRun(run, ports.clock.now())
  const settled = { held, result: result.kind, detail }
  await ports.ledger.settleLoan(
    held.id,
    {
      state: returned ? 'returned' : 'kept',
      nextAt: now,
      audit: [returned ? audited.loanReturned(about, settled) : audited.loanKept(about, settled), ...fields.audit],
      messages: loanMessages(ports, run, held, {
        event: returned ? 'over' : 'needs-people',
        what: returned ? 'given back' : 'not given back',
        text: fields.told === undefined ? detail : `${detail}\nThe next deploy: ${fields.told}`
      })
    },
    ports.clock.now()
  )
}

/** Reminds people of what Astern must not give back by itself, because more would come back with it. */
async function remind(ports: Ports, run: Run, held: HeldLoan, signal: AbortSignal): Promise<void> {
  const { plan, loan, reminders } = held
  const lent = (await actionOf(ports, plan.action).lent?.(ports.tools, plan, signal)) ?? 'unknown'
  if (lent === 'unknown') return lookAgain(ports, held, Math.min(loan.after, LOOK_AGAIN_MS))
  const now = ports.clock.now()
  const over = lent === 'no'
  const about = ofRun(run, now)
  await ports.ledger.settleLoan(
    held.id,
    {
      state: over ? 'returned' : 'held',
      nextAt: now + loan.after,
      reminders: reminders + 1,
      audit: [
        over
          ? audited.loanReturned(about, { held, detail: 'people took it back' })
          : audited.reminded(about, { held, detail: loan.summary })
      ],
      messages: over
        ? toldOnlyWhereReminded(loanMessages(ports, run, held, { event: 'over', what: 'taken back', text: 'People took it back.' }))
        : loanMessages(ports, run, held, { event: 'needs-people', what: `reminder ${reminders + 1}`, text: loan.summary })
    },
    now
  )
}

/** Who was never reminded has nothing to close. */
function toldOnlyWhereReminded(messages: readonly Message[]): Message[] {
  return messages.map(message => ({ ...message, onlyWhereTold: true }))
}

interface LoanNews {
  readonly event: MessageEvent
  readonly what: string
  readonly text: string
}

function loanMessages({ channels }: Ports, run: Run, held: HeldLoan, { event, what, text }: LoanNews): Message[] {
  return recipients(channels, run.policy.escalate.to, event, channel => ({
    key: `${held.id}/${what}/${channel}`,
    channel,
    subject: { kind: 'loan', id: held.id },
    event,
    title: `${targetKey(held.plan.target)}: ${what}`,
    text,
    severity: event === 'needs-people' ? 'critical' : 'info',
    ...runIds(run),
    labels: routingLabels(run.trigger),
    details: {
      run: run.id,
      policy: run.policy.name,
      target: targetKey(held.plan.target),
      action: held.plan.action,
      loan: held.loan.summary
    }
  }))
}
