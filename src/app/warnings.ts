import type { PolicyProblem } from '../policies/problem.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Logs what the policy files say that is allowed, and seldom meant. */
export function tellWarnings(logger: Logger, warnings: readonly PolicyProblem[]): void {
  for (const warning of warnings) logger.warn({ warning }, 'the policies load, and part of them may not do what is meant')
}
