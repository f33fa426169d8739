import type { PolicyProblem } from '../policies/problem.ts'

/** The policies do not load at the start. The command prints the problems and exits with code 1. */
export class PoliciesError extends Error {
  readonly problems: readonly PolicyProblem[]
  constructor(problems: readonly PolicyProblem[]) {
    super('the policies cannot be used')
    this.problems = problems
  }
}
