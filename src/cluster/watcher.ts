import type { Clock } from '../base/clock.ts'
import { matchesGlob } from '../base/globs.ts'
import { isObject, type JsonObject, objectAt, textAt } from '../base/json.ts'
import { collectionPath, type TargetKind } from '../domain/objects.ts'
import { INTENT_ANNOTATION } from '../domain/plan.ts'
import type { ChangeSink, Sighting } from '../domain/ports/cluster.ts'
import { FIELD_MANAGER } from '../domain/ports/kube.ts'
import { type WatchState, watchedThing } from '../domain/watch-state.ts'
import { templateIdentity } from '../domain/workload.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import { watchedIdentity } from './argo-rollout.ts'
import type { KubeClient } from './kube-client.ts'
import { templateManager, templateWriters } from './metadata.ts'
import { type Reflection, type Reflector, startReflector } from './reflector.ts'

export interface WatcherOptions {
  readonly client: Pick<KubeClient, 'page' | 'watch'>
  readonly offset: ClockOffset
  readonly clock: Clock
  readonly sink: ChangeSink
  /** The namespaces that policies may write to. They are asked for anew whenever a watch begins. */
  readonly namespaces: () => readonly string[]
  /** The kinds that policies act on. Others are not watched. */
  readonly kinds: () => readonly TargetKind[]
  /** Spreads waits and the ends of watches. From 0 up to 1. */
  readonly random?: () => number
  readonly failed: (what: string, detail: string) => void
  /** Is called when every watch has its first list. */
  readonly synced?: () => void
  /** Is called whenever a watch sees again, or sees no more. */
  readonly changed?: (state: WatchState) => void
}

export interface Watcher {
  /** How each watch is now. */
  states(): readonly WatchState[]
  stop(): Promise<void>
}

/** A change that could not be recorded for longer than this, milliseconds, is told. */
const UNRECORDED_MS = 60_000

/** What is kept of each object that was listed or watched: some 200 bytes. */
interface Known {
  readonly identity: string
  readonly version: number
}

/**
 * Watches the workloads of the allowed namespaces and reports each new pod template, with the API server's time. A glob needs a
 * watch of the whole cluster. Plain names are watched one by one, which needs rights only in those namespaces.
 */
export function startWatcher(options: WatcherOptions): Watcher {
  const stopping = new AbortController()
  let chain: Promise<void> = Promise.resolve()
  /** When each piece of work that is not recorded yet was handed over, the oldest first. */
  const unrecorded: number[] = []
  const scopes = options.kinds().flatMap(kind => scopesOf(options.namespaces()).map(namespace => ({ kind, namespace })))
  const waitingFor = new Set(scopes.map(({ kind, namespace }) => collectionPath(kind, namespace)))
  const watches = scopes.map(({ kind, namespace }) => {
    const path = collectionPath(kind, namespace)
    const of = { kind, ...(namespace === undefined ? {} : { namespace }) }
    const reflector = startReflector(
      {
        client: options.client,
        path,
        clock: options.clock,
        random: options.random ?? Math.random,
        reflection: reflectionOf(kind, () => firstListOf(path)),
        changed: (state, detail) => options.changed?.({ ...of, state, detail, since: options.clock.now() })
      },
      stopping.signal
    )
    // What a watch itself does wrong must be seen: without this it would just be silent.
    const ended = reflector.ended.catch((cause: unknown) => options.failed(`watching ${watchedThing(of)}`, textOf(cause)))
    return { of, reflector, ended }
  })
  if (watches.length === 0) options.synced?.()

  function firstListOf(path: string): void {
    if (!waitingFor.delete(path) || waitingFor.size > 0) return
    void chain.then(() => options.synced?.())
  }

  function reflectionOf(kind: TargetKind, listed: () => void): Reflection {
    let known = new Map<string, Known>()

    /** `live` where the event came while watching. Only then is the moment of the change known. */
    function observe(object: JsonObject, into: Map<string, Known>, { live, late }: Circumstances): Sighting | undefined {
      const metadata = objectAt(object, 'metadata')
      const namespace = textAt(metadata, 'namespace') ?? ''
      const name = textAt(metadata, 'name') ?? ''
      const uid = textAt(metadata, 'uid') ?? ''
      if (!options.namespaces().some(glob => matchesGlob(glob, namespace))) return undefined
      const version = Number(textAt(metadata, 'resourceVersion') ?? '')
      const before = known.get(uid)
      // Where pages of a list are newer than its beginning, the watch tells once more what they showed already.
      if (live && before !== undefined && version < before.version) return undefined
      const identity = kind === 'Rollout' ? watchedIdentity(object) : templateIdentity(objectAt(object, 'spec', 'template'))
      if (identity === undefined) {
        if (before !== undefined) into.set(uid, before)
        return undefined
      }
      into.set(uid, { identity, version })
      if (before?.identity === identity) return undefined
      const received = options.clock.now() + options.offset.value()
      const managed = lastManagedAt(metadata)
      // Kubernetes writes whole seconds. The time of receipt is finer, and late only by what the network took.
      const at = managed === undefined ? received : Math.min(received, managed + 999)
      // After a gap the time of receipt says nothing. Without another time nobody knows when it was.
      const seen = live && before !== undefined && !(late && managed === undefined)
      return { target: { kind, namespace, name }, template: { uid, identity, at, seen } }
    }

    /** What cannot be recorded is forgotten, so that the next event or list brings it again. */
    function forget(sightings: readonly Sighting[], from: Map<string, Known>): void {
      for (const { template } of sightings) from.delete(template.uid)
    }

    return {
      list() {
        const found = new Map<string, Known>()
        return {
          async page(items) {
            const sightings = items.flatMap(item => (isObject(item) ? (observe(item, found, FOUND) ?? []) : []))
            const before = chain
            if (sightings.length > 0)
              record(
                () => options.sink.found(sightings),
                () => forget(sightings, found)
              )
            // The next page is read while this one is recorded, and no further ahead.
            await before
          },
          complete() {
            // Objects that are not in the list are gone.
            known = found
            listed()
          }
        }
      },
      event(type, object, { late }) {
        if (type === 'DELETED') known.delete(textAt(object, 'metadata', 'uid') ?? '')
        if (type !== 'ADDED' && type !== 'MODIFIED') return
        const sighting = observe(object, known, { live: true, late })
        if (sighting === undefined) return
        record(
          () => options.sink.observed(sighting.target, sighting.template),
          () => forget([sighting], known)
        )
      }
    }
  }

  /** Templates are stored one after the other, because later decisions read their order. */
  function record(store: () => Promise<void>, failed: () => void): void {
    unrecorded.push(options.clock.now())
    chain = chain
      .then(store)
      .catch((cause: unknown) => {
        failed()
        options.failed('recording a change', textOf(cause))
      })
      .then(() => void unrecorded.shift())
  }

  /** A watch that sees, and whose changes have waited for minutes to be recorded, tells decisions nothing. */
  function stateOf(reflector: Reflector): ReturnType<Reflector['state']> {
    const state = reflector.state()
    const [oldest] = unrecorded
    if (state.state !== 'watching' || oldest === undefined || options.clock.now() - oldest < UNRECORDED_MS) return state
    return { state: 'behind', since: oldest, detail: `${unrecorded.length} changes wait to be recorded: is the ledger slow?` }
  }

  return {
    states: () => watches.map(({ of, reflector }) => ({ ...of, ...stateOf(reflector) })),
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await Promise.all(watches.map(({ ended }) => ended))
      await chain
    }
  }
}

interface Circumstances {
  readonly live: boolean
  readonly late: boolean
}

const FOUND: Circumstances = { live: false, late: false }

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
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
