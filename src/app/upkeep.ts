import type { Clock } from '../base/clock.ts'
import type { Config } from '../config.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { Recorder } from '../pipeline/ports.ts'
import type { OnStop } from './cleanups.ts'
import { createSourceProbe, type SourceProbeParts } from './source-probe.ts'
import { every, failingOnce } from './timers.ts'

/** How often the head of the audit log is kept beside the ledger, if it changed: what is newer could be lost unseen with the log. */
const HEAD_EVERY_MS = 1_000
const PRUNE_EVERY_MS = 3_600_000
/** How often sources are probed: as often as Prometheus usually scrapes the metrics that the probe feeds. */
const PROBE_EVERY_MS = 30_000

export interface UpkeepParts extends SourceProbeParts {
  readonly config: Pick<Config, 'keepMs' | 'keepDeliveriesMs'>
  readonly clock: Clock
  readonly ledger: Pick<Ledger, 'prune'>
  readonly keepHead: () => Promise<void>
  readonly recorder: Pick<Recorder, 'failed'>
}

/** Starts what is done by the clock alone: keeping the head of the audit log, pruning, probing the sources. */
export function startUpkeep({ config, clock, ledger, keepHead, recorder, ...sources }: UpkeepParts, onStop: OnStop): void {
  const head = failingOnce(keepHead, cause => recorder.failed('keeping the head of the audit log', cause))
  every(HEAD_EVERY_MS, head, onStop, 'head of the audit log')
  const prune = (): Promise<void> =>
    ledger
      .prune(clock.now() - config.keepDeliveriesMs, clock.now() - config.keepMs)
      .catch((cause: unknown) => recorder.failed('pruning', cause))
  every(PRUNE_EVERY_MS, prune, onStop, 'pruning')
  const probe = createSourceProbe(sources)
  const probeQuietly = (): Promise<void> => probe().catch((cause: unknown) => recorder.failed('probing the sources', cause))
  void probeQuietly()
  every(PROBE_EVERY_MS, probeQuietly, onStop, 'source probe')
}
