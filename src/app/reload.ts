import type { Clock } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { AuditLedger } from '../domain/ports/ledger.ts'
import type { PolicyStore, ReloadResult } from '../policies/store.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface ReloadParts {
  readonly store: PolicyStore
  readonly ledger: AuditLedger
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  /** Makes anew what is made out of the policies. */
  readonly loaded: () => Promise<void>
}

/** Loads policy files again: when a file changed, on SIGHUP, and on `POST /-/reload`. A bad file leaves the policies in force untouched. */
export interface Reload {
  now(): Promise<ReloadResult>
  /** Reloads for a timer or a signal. Nobody waits for the result, so a failure is logged. */
  quietly(): Promise<void>
  /** Records the policies and the ceiling with which this process begins. */
  recordStart(ceiling: Mode): Promise<void>
}

export function createReload({ store, ledger, clock, metrics, logger, loaded }: ReloadParts): Reload {
  async function now(): Promise<ReloadResult> {
    const result = await store.reload()
    if (result.kind === 'loaded') {
      await loaded()
      await ledger.append([audited.policiesLoaded({ at: clock.now() }, { version: store.version(), policies: result.policies })])
      logger.info({ policies: result.policies, version: store.version() }, 'policies loaded')
    } else if (result.kind === 'bad' && result.fresh)
      logger.error({ problems: result.problems }, 'the policy files are bad; the policies in force are unchanged')
    if (result.kind !== 'unchanged') metrics.reload(result.kind === 'loaded', clock.now())
    return result
  }
  return {
    now,
    async quietly() {
      try {
        await now()
      } catch (cause) {
        metrics.reload(false, clock.now())
        logger.error({ err: cause }, 'the policy files could not be read; the policies in force are unchanged')
      }
    },
    recordStart: ceiling =>
      ledger.append([
        audited.policiesLoaded({ at: clock.now() }, { version: store.version(), policies: store.current().policies.length, mode: ceiling })
      ])
  }
}
