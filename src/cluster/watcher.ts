import type { Clock } from '../base/clock.ts'
import { matchesGlob } from '../base/globs.ts'
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { collectionPath, type TargetKind } from '../domain/objects.ts'
import { INTENT_ANNOTATION } from '../domain/plan.ts'
import type { ChangeSink } from '../domain/ports/cluster.ts'
import { FIELD_MANAGER } from '../domain/ports/kube.ts'
import { templateIdentity } from '../domain/workload.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import { watchedIdentity } from './argo-rollout.ts'
import type { KubeClient } from './kube-client.ts'
import { templateManager, templateWriters } from './metadata.ts'

export interface WatcherOptions {
  readonly client: KubeClient
  readonly offset: ClockOffset
  readonly clock: Clock
  readonly sink: ChangeSink
  /** The namespaces that policies may write to. They are asked for anew whenever a watch begins. */
  readonly namespaces: () => readonly string[]
  /** The kinds that policies act on. Others are not watched. */
  readonly kinds: () => readonly TargetKind[]
  readonly failed: (what: string, detail: string) => void
  /** Is called when every watch has its first list. */
  readonly synced?: () => void
}

/** A watch that broke is opened again after two seconds, then four, up to a minute, because missing rights stay missing for a while. */
const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 60_000

/**
 * Watches the workloads of the allowed namespaces and reports each new pod template, with the API server's time. A glob needs a
 * watch of the whole cluster. Plain names are watched one by one, which needs rights only in those namespaces.
 */
export function startWatcher(options: WatcherOptions): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const known = new Map<string, string>()
  let chain: Promise<void> = Promise.resolve()
  const waitingFor = new Set<string>()
  let begun = false

  const watches = options
    .kinds()
    .flatMap(kind => scopesOf(options.namespaces()).map(scope => ({ kind, base: collectionPath(kind, scope) })))
  for (const { base } of watches) waitingFor.add(base)
  const loops = watches.map(({ kind, base }) => loop(kind, base))
  if (watches.length === 0) options.synced?.()

  async function loop(kind: TargetKind, base: string): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!stopping.signal.aborted) {
      try {
        const list = await options.client.get(base, stopping.signal)
        if (list.kind !== 'ok') throw new Error(list.detail)
        for (const item of listAt(list.object, 'items')) observe(kind, item, false)
        retryMs = FIRST_RETRY_MS
        waitingFor.delete(base)
        if (waitingFor.size === 0 && !begun) {
          begun = true
          void chain.then(() => options.synced?.())
        }
        const version = textAt(list.object, 'metadata', 'resourceVersion') ?? ''
        const end = await options.client.watch(
          `${base}?watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(version)}`,
          event => onEvent(kind, event),
          stopping.signal
        )
        // An end is normal, because the server and Astern both limit a watch's life. The list that follows finds what was missed.
        if (end.kind === 'error') throw new Error(end.detail)
      } catch (cause) {
        if (stopping.signal.aborted) return
        options.failed(`watching ${kind}s`, cause instanceof Error ? cause.message : String(cause))
        await options.clock.sleep(retryMs, stopping.signal).catch(() => {})
        retryMs = Math.min(LAST_RETRY_MS, retryMs * 2)
      }
    }
  }

  function onEvent(kind: TargetKind, event: JsonObject): void {
    const type = event['type']
    if (type === 'ADDED' || type === 'MODIFIED') observe(kind, event['object'], true)
    if (type === 'DELETED') known.delete(textAt(event, 'object', 'metadata', 'uid') ?? '')
  }

  /** `live` where the event came while watching. Only then is the moment of the change known. */
  function observe(kind: TargetKind, object: unknown, live: boolean): void {
    if (!isObject(object)) return
    const metadata = objectAt(object, 'metadata')
    const namespace = textAt(metadata, 'namespace') ?? ''
    const name = textAt(metadata, 'name') ?? ''
    const uid = textAt(metadata, 'uid') ?? ''
    if (!options.namespaces().some(glob => matchesGlob(glob, namespace))) return
    const identity = kind === 'Rollout' ? watchedIdentity(object) : templateIdentity(objectAt(object, 'spec', 'template'))
    if (identity === undefined) return
    const before = known.get(uid)
    if (before === identity) return
    known.set(uid, identity)
    const received = options.clock.now() + options.offset.value()
    const managed = lastManagedAt(metadata)
    // Kubernetes writes whole seconds. The time of receipt is finer, and late only by what the network took.
    const at = managed === undefined ? received : Math.min(received, managed + 999)
    const template = { uid, identity, at, seen: live && before !== undefined }
    // Templates are stored one after the other, because later decisions read their order.
    chain = chain
      .then(() => options.sink.observed({ kind, namespace, name }, template))
      .catch((cause: unknown) => options.failed('recording a change', cause instanceof Error ? cause.message : String(cause)))
  }

  return {
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await Promise.allSettled(loops)
      await chain
    }
  }
}

/**
 * When a field manager last wrote the template; undefined where that may have been Astern, which gives up its entry after a write. The
 * time of the entry that is left would then be that of the version before.
 */
function lastManagedAt(metadata: JsonObject): number | undefined {
  const marked = textAt(metadata, 'annotations', INTENT_ANNOTATION) !== undefined
  const gaveUp = marked && !templateWriters(metadata).some(({ manager }) => manager === FIELD_MANAGER)
  return gaveUp ? undefined : templateManager(metadata)?.at
}

/** The namespaces to watch. A glob needs the whole cluster (undefined); plain names are watched one by one. */
export function scopesOf(namespaces: readonly string[]): readonly (string | undefined)[] {
  return namespaces.some(namespace => namespace.includes('*')) ? [undefined] : [...new Set(namespaces)]
}
