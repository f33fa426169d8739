import { PoliciesError } from '../app/policies-error.ts'
import { nothingSecret, type Scrub } from '../base/secrets.ts'
import { KubeconfigError } from '../cluster/access.ts'
import { ConfigError } from '../config.ts'
import { TokensError } from '../http/authentication.ts'
import { LedgerError } from '../ledger/ledger-error.ts'
import { PolicyFileMissing } from '../policies/store.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'
import { printProblems } from './validate.ts'

export { startApp } from '../app/app.ts'

/** Why it did not start, as an exit code and a sentence, without any credential that was read until then. */
export function startError(cause: unknown, terminal: Terminal, scrub: Scrub = nothingSecret): unknown {
  if (cause instanceof PoliciesError) {
    printProblems(terminal, cause.problems)
    return new CommandError(EXIT.bad, 'the policies cannot be used; `astern validate` checks them without starting')
  }
  if (
    cause instanceof ConfigError ||
    cause instanceof KubeconfigError ||
    cause instanceof LedgerError ||
    cause instanceof TokensError ||
    cause instanceof PolicyFileMissing
  ) {
    return new CommandError(EXIT.usage, scrub(cause.message))
  }
  if (!(cause instanceof Error)) return cause
  const told = new Error(scrub(cause.message))
  told.stack = scrub(cause.stack ?? cause.message)
  return told
}
