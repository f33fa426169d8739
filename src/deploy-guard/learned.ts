import type { DeployGuard } from '../domain/deploy-guard.ts'
import type { ObjectRef } from '../domain/objects.ts'
import { type LearnedParts, learnFrom } from '../verification/sequential/learning.ts'
import { memoryOf } from './memory.ts'
import type { GuardPorts } from './ports.ts'

/** What earlier passes taught of a target’s bursts. */
export async function learnedParts({ ledger }: Pick<GuardPorts, 'ledger'>, target: ObjectRef): Promise<LearnedParts> {
  const known = await ledger.learnedOf(target)
  return known === undefined ? {} : (JSON.parse(known) as LearnedParts)
}

/** What a pass teaches of the target’s bursts. @param memory the guard’s memory, as the ledger keeps it */
export async function lessonOf(
  ports: Pick<GuardPorts, 'ledger'>,
  guard: DeployGuard,
  memory: string | undefined
): Promise<string | undefined> {
  // The memory of a busy service is large: it is read only where there is something to learn.
  if (guard.result !== 'pass' || guard.entry === undefined) return undefined
  const { watching } = memoryOf(memory)
  if (watching === undefined) return undefined
  return JSON.stringify(learnFrom(watching.watch.settings, watching.state, await learnedParts(ports, guard.target)))
}
