import { textAt } from '../../base/json.ts'
import type { GivenUp } from '../../domain/action.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import { servicePermission } from '../../domain/permission.ts'
import type { Plan } from '../../domain/plan.ts'
import { FIELD_MANAGER } from '../../domain/ports/kube.ts'
import type { Run, RunState } from '../../domain/run.ts'
import { intentOf } from '../act/intent.ts'
import type { Move, Next, Pass, Phase } from '../pass.ts'
import { actionOf, type PhasePorts } from '../ports.ts'

/**
 * Makes a phase give up the fields of its write once the rung is over: confirmed, given up, or not known to be made. It comes before
 * the ending is saved, so that a crash in between repeats it, and finds it done.
 */
export function thenGiveUpFields(phase: Phase): Phase {
  return async pass => {
    const next = await phase(pass)
    return next.kind === 'move' && isOver(pass.run.state, next) ? afterwards(pass, next) : next
  }
}

/** Whether a write that is there, or may be, is left to itself. */
function isOver(from: RunState, next: Move): boolean {
  return from === 'watching' ? next.to !== 'watching' : next.intent?.state === 'unknown'
}

async function afterwards(pass: Pass, next: Move): Promise<Next> {
  const { ports, run, signal } = pass
  const { id, plan } = await intentOf(pass)
  const { audit, told } = await giveUpFields(ports, { run, id, plan }, signal)
  const coming = next.to === 'ended' ? [textAt(plan.facts, 'nextDeploy'), told] : []
  const lines = coming.filter(line => line !== undefined)
  return {
    ...next,
    audit: [...audit, ...next.audit],
    ...(next.messages === undefined || lines.length === 0
      ? {}
      : {
          messages: next.messages.map(message => ({
            ...message,
            text: [message.text, ...lines.map(line => `The next deploy: ${line}`)].join('\n'),
            details: { ...message.details, nextDeploy: lines }
          }))
        })
  }
}

/** A write whose fields are to be given up. */
export interface Written {
  readonly run: Run
  /** The intent's. */
  readonly id: string
  readonly plan: Plan
}

/** Gives up the fields that a write made Astern the owner of. `told` is for people, where the next deploy may conflict. */
export async function giveUpFields(
  ports: PhasePorts,
  { run, id, plan }: Written,
  signal: AbortSignal
): Promise<{ readonly audit: readonly AuditEntry[]; readonly told?: string }> {
  const result = await givenUp(ports, plan, signal)
  if (result.kind === 'nothing') return { audit: [] }
  const about = ofRun(run, ports.clock.now())
  const audit = [audited.fieldsGivenUp(about, { intent: id, plan, result: result.kind, detail: result.detail })]
  return result.kind === 'kept' ? { audit, told: result.detail } : { audit }
}

async function givenUp(ports: PhasePorts, plan: Plan, signal: AbortSignal): Promise<GivenUp> {
  const { giveUpFields: giveUp } = actionOf(ports, plan.action)
  if (giveUp === undefined) return { kind: 'nothing' }
  if (ports.fieldOwnership === 'keep') return kept('a setting says so')
  // The switch stops every write, this one too.
  if (servicePermission(ports.ceiling, (await ports.ledger.switchState()).mode) !== 'act') return kept('the switch is lowered')
  ports.faults.reach('before-give-up')
  const result = await giveUp(ports.tools, plan, signal)
  ports.faults.reach('after-give-up')
  return result
}

function kept(why: string): GivenUp {
  return {
    kind: 'kept',
    detail: `Astern still owns the fields that it wrote (${why}): a server-side apply or helm upgrade that sets them conflicts with "${FIELD_MANAGER}", and --force-conflicts ends that`
  }
}
