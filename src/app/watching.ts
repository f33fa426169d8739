import type { Clock } from '../base/clock.ts'
import type { KubeClient } from '../cluster/kube-client.ts'
import { startWatcher, type Watcher } from '../cluster/watcher.ts'
import type { TargetKind } from '../domain/objects.ts'
import type { Policy } from '../domain/policy.ts'
import type { ChangeLedger } from '../domain/ports/change-ledger.ts'
import { isBlind, type WatchState, watchedThing } from '../domain/watch-state.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface WatchingParts {
  readonly kube: KubeClient
  readonly clusterOffset: ClockOffset
  readonly clock: Clock
  readonly ledger: ChangeLedger
  readonly logger: Logger
  readonly policies: () => readonly Policy[]
}

/** Watches the workloads that the policies in force are about, and stores every template that it sees. */
export interface Watching {
  /** Is called when the policies changed. Begins anew where other namespaces or kinds are watched from now on. */
  follow(): Promise<void>
  /** How each watch is now. */
  states(): readonly WatchState[]
  stop(): Promise<void>
}

export function startWatching({ kube, clusterOffset, clock, ledger, logger, policies }: WatchingParts): Watching {
  const namespaces = (): readonly string[] => [...new Set(policies().flatMap(policy => policy.guards.namespaces))]
  const kinds = (): readonly TargetKind[] => [
    ...new Set(policies().flatMap(policy => [policy.target, ...policy.steps.flatMap(step => step.target ?? [])].map(target => target.kind)))
  ]
  const scope = (): string => [...namespaces(), ...kinds()].join(' ')
  /** The watches that are blind, so that the log tells of each only when that changes. */
  const blind = new Set<string>()
  function told(state: WatchState): void {
    const what = watchedThing(state)
    if (isBlind(state)) {
      blind.add(what)
      logger.warn({ what, state: state.state, detail: state.detail }, 'a watch is blind: changes of these workloads are not seen')
    } else if (state.state === 'watching' && blind.delete(what)) logger.info({ what }, 'a watch sees again')
  }
  const start = (): Watcher => {
    const begun = clock.now()
    return startWatcher({
      client: kube,
      offset: clusterOffset,
      clock,
      namespaces,
      kinds,
      failed: (what, detail) => logger.warn({ what, detail }, 'the cluster could not be watched'),
      changed: told,
      synced: () =>
        logger.info({ kinds: kinds(), namespaces: namespaces(), tookMs: clock.now() - begun }, 'every watch has its first list'),
      sink: {
        found: sightings => ledger.recordFound(sightings),
        async observed(target, template) {
          const before = await ledger.latestObserved(template.uid)
          if (before?.identity === template.identity) return
          await ledger.recordObserved(target, template)
          if (template.seen) logger.info({ target, template: template.identity }, 'a target changed')
        }
      }
    })
  }
  let watcher = start()
  let watched = scope()
  return {
    async follow() {
      if (scope() === watched) return
      watched = scope()
      await watcher.stop()
      watcher = start()
    },
    states: () => watcher.states(),
    stop: () => watcher.stop()
  }
}
