import type { Clock } from '../base/clock.ts'
import type { KubeClient } from '../cluster/kube-client.ts'
import { startWatcher } from '../cluster/watcher.ts'
import type { TargetKind } from '../domain/objects.ts'
import type { Policy } from '../domain/policy.ts'
import type { ChangeLedger } from '../domain/ports/ledger.ts'
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
  stop(): Promise<void>
}

export function startWatching({ kube, clusterOffset, clock, ledger, logger, policies }: WatchingParts): Watching {
  const namespaces = (): readonly string[] => [...new Set(policies().flatMap(policy => policy.guards.namespaces))]
  const kinds = (): readonly TargetKind[] => [
    ...new Set(policies().flatMap(policy => [policy.target, ...policy.steps.flatMap(step => step.target ?? [])].map(target => target.kind)))
  ]
  const scope = (): string => [...namespaces(), ...kinds()].join(' ')
  const start = () =>
    startWatcher({
      client: kube,
      offset: clusterOffset,
      clock,
      namespaces,
      kinds,
      failed: (what, detail) => logger.warn({ what, detail }, 'the cluster could not be watched'),
      sink: {
        async observed(target, template) {
          const before = await ledger.latestObserved(template.uid)
          if (before?.identity === template.identity) return
          await ledger.recordObserved(target, template)
          if (template.seen) logger.info({ target, template: template.identity }, 'a target changed')
        }
      }
    })
  let watcher = start()
  let watched = scope()
  return {
    async follow() {
      if (scope() === watched) return
      watched = scope()
      await watcher.stop()
      watcher = start()
    },
    stop: () => watcher.stop()
  }
}
