import type { Clock } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { AuditLedger } from '../domain/ports/ledger.ts'
import type { Tokens, TokensReload } from '../http/tokens.ts'
import type { PolicyStore, ReloadResult } from '../policies/store.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface ReloadParts {
  readonly store: PolicyStore
  readonly tokens: Tokens
  readonly ledger: AuditLedger
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  /** Makes anew what is made out of the policies. */
  readonly loaded: () => Promise<void>
}

export interface Reloads {
  readonly policies: ReloadResult
  readonly tokens: TokensReload
}

/**
 * Loads the policy files and the tokens again: when a file changed, on SIGHUP, and on `POST /-/reload`. A bad file leaves what is in
 * force untouched.
 */
export interface Reload {
  now(): Promise<Reloads>
  /** Reloads for a timer or a signal. Nobody waits for the result, so a failure is logged. */
  quietly(): Promise<void>
  /** Records the policies and the ceiling with which this process begins. */
  recordStart(ceiling: Mode): Promise<void>
}

export function createReload({ store, tokens, ledger, clock, metrics, logger, loaded }: ReloadParts): Reload {
  function readTokens(): TokensReload {
    const result = tokens.reload()
    if (result.kind === 'loaded') logger.info('tokens loaded')
    else if (result.kind === 'bad' && result.fresh)
      logger.error({ file: result.file, problem: result.message }, 'the tokens file is bad; the tokens in force are unchanged')
    metrics.tokensReload(result.kind !== 'bad')
    return result
  }

  /** Whether policies are in force from which not all was made that is made out of policies. */
  let unfinished = false

  async function readPolicies(): Promise<ReloadResult> {
    const result = await store.reload()
    if (result.kind === 'bad') {
      metrics.reload(false, clock.now())
      if (result.fresh) logger.error({ problems: result.problems }, 'the policy files are bad; the policies in force are unchanged')
      return result
    }
    if (result.kind === 'unchanged' && !unfinished) return result
    unfinished = true
    await loaded()
    const policies = store.current().policies.length
    await ledger.append([audited.policiesLoaded({ at: clock.now() }, { version: store.version(), policies })])
    unfinished = false
    logger.info({ policies, version: store.version() }, 'policies loaded')
    metrics.reload(true, clock.now())
    return { kind: 'loaded', policies }
  }

  async function readAll(): Promise<Reloads> {
    // The tokens come first, so that one that was taken away is gone even where the policy files cannot be read.
    const read = readTokens()
    try {
      return { tokens: read, policies: await readPolicies() }
    } catch (cause) {
      metrics.reload(false, clock.now())
      throw cause
    }
  }

  // One after another: of two at the same time, the one that read the older text could be the last to put it in force.
  let last: Promise<unknown> = Promise.resolve()
  function now(): Promise<Reloads> {
    const next = last.then(readAll)
    last = next.catch(() => undefined)
    return next
  }

  return {
    now,
    async quietly() {
      try {
        await now()
      } catch (cause) {
        logger.error({ err: cause }, 'the reload failed, and is tried again')
      }
    },
    recordStart: ceiling =>
      ledger.append([
        audited.policiesLoaded({ at: clock.now() }, { version: store.version(), policies: store.current().policies.length, mode: ceiling })
      ])
  }
}
