import type { Clock } from '../base/clock.ts'
import { isObject, type JsonObject, textAt } from '../base/json.ts'
import { eachPage, isExpired, type Paged } from '../domain/long-list.ts'
import type { KubeAnswer } from '../domain/ports/kube.ts'
import { blindnessOf, type WatchStateName } from '../domain/watch-state.ts'
import { createBackOff } from './back-off.ts'
import type { KubeClient } from './kube-client.ts'

/** Gets what is there, and what happens. */
export interface Reflection {
  /** Begins a list. The one before is void where it did not come to its end. */
  list(): { page(items: readonly unknown[]): Promise<void>; complete(): void }
  /** `late`: the watch was away, and it may have happened a good while ago. */
  event(type: string, object: JsonObject, options: { readonly late: boolean }): void
}

export interface ReflectorOptions {
  readonly client: Pick<KubeClient, 'page' | 'watch'>
  /** The path of the collection. */
  readonly path: string
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
  readonly reflection: Reflection
  /** Is called whenever it sees again, or sees no more. */
  readonly changed: (state: WatchStateName, detail: string) => void
}

export interface Reflector {
  state(): { readonly state: WatchStateName; readonly since: number; readonly detail: string }
  /** Resolves when the signal that it was started with has ended it. */
  readonly ended: Promise<void>
}

/** A watch is asked to live this long, seconds. The spread keeps all watches from ending together. */
const SHORTEST_WATCH_S = 300
const SPREAD_S = 300
/** The server ends a watch after minutes. One that ends sooner than this, milliseconds, is not opened again without a wait. */
const BRIEF_MS = 1_000
/** A bookmark comes about each minute. A watch that lived for twice that, milliseconds, and told nothing is a silent one. */
const BOOKMARK_DUE_MS = 120_000
/** After so many silent watches in a row nothing seems to get through, and the objects are listed anew. */
const SILENT = 2
/** The same after so many watches in a row that broke before they told anything: what comes next may be what cannot be read. */
const FRUITLESS = 5
/** A list that is under way for longer, milliseconds, is told as being behind. */
const LONGEST_LIST_MS = 5 * 60_000
/** A server that wants more patience than this, milliseconds, is asked all the same. */
const LONGEST_RETRY_AFTER_MS = 60_000

/** How one watch went. */
interface Watched {
  readonly answer: KubeAnswer
  readonly opened: boolean
  readonly events: number
  /** The newest version that it told. */
  readonly version: string
  /** The status of an `ERROR` event. */
  readonly error?: JsonObject
  readonly livedMs: number
}

/**
 * Lists a collection and then follows it, as long as the signal lets it. A watch that ends or breaks goes on where it was, from the
 * newest event or bookmark. Objects are listed anew only where the server has forgotten that version (410), or where nothing gets
 * through the watch.
 */
export function startReflector(options: ReflectorOptions, signal: AbortSignal): Reflector {
  const { client, path, clock, reflection } = options
  const backOff = createBackOff(options.random)
  let state: WatchStateName = 'listing'
  let since = clock.now()
  let detail = ''
  /** Nothing came through two watches in a row. */
  let deaf = false
  let late = false

  function say(next: WatchStateName, why = ''): void {
    detail = why
    if (next === state) return
    state = next
    since = clock.now()
    options.changed(next, why)
  }

  function sees(): void {
    if (deaf) say('behind', 'neither an event nor a bookmark came through the watch: does a proxy on the way hold answers back?')
    else say('watching')
  }

  async function rest(answer?: KubeAnswer): Promise<void> {
    const asked = answer?.kind === 'error' ? Math.min(answer.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS) : 0
    await clock.sleep(Math.max(backOff.next(), asked), signal).catch(() => {})
  }

  async function list(): Promise<Paged> {
    const into = reflection.list()
    const read = async (page: string): Promise<KubeAnswer> => {
      const answer = await client.page(page, signal)
      if (signal.aborted) return answer
      // Where a page fails, a shorter one or another token may go through. Until then it sees nothing.
      if (answer.kind === 'ok') say('listing')
      else if (!isExpired(answer)) say(blindnessOf(answer), answer.detail)
      return answer
    }
    const end = await eachPage(read, path, items => into.page(items))
    if (end.kind === 'ok') into.complete()
    return end
  }

  async function watch(from: string): Promise<Watched> {
    const begun = clock.now()
    const seconds = Math.round(SHORTEST_WATCH_S + options.random() * SPREAD_S)
    let opened = false
    let events = 0
    let version = from
    let error: JsonObject | undefined
    const answer = await client.watch(
      `${path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${encodeURIComponent(from)}`,
      event => {
        const type = textAt(event, 'type') ?? ''
        const object = event['object']
        if (!isObject(object)) return
        if (type === 'ERROR') {
          error = object
          return
        }
        events += 1
        deaf = false
        sees()
        if (type === 'BOOKMARK') late = false
        else reflection.event(type, object, { late })
        version = textAt(object, 'metadata', 'resourceVersion') ?? version
      },
      signal,
      () => {
        opened = true
        sees()
      }
    )
    return { answer, opened, events, version, livedMs: clock.now() - begun, ...(error === undefined ? {} : { error }) }
  }

  async function run(): Promise<void> {
    let from: string | undefined
    let fruitless = 0
    let silent = 0
    while (!signal.aborted) {
      if (from === undefined) {
        const listed = await list()
        if (signal.aborted) return
        if (listed.kind !== 'ok') {
          say(blindnessOf(listed), listed.detail)
          await rest(listed)
          continue
        }
        from = listed.version
        late = false
        sees()
      }
      const { answer, opened, events, version, error, livedMs } = await watch(from)
      if (signal.aborted) return
      if (events > 0) {
        backOff.reset()
        fruitless = 0
        silent = 0
      } else if (opened && error === undefined) {
        fruitless += 1
        if (livedMs >= BOOKMARK_DUE_MS) silent += 1
      }
      deaf = deaf || silent >= SILENT
      from = isLost(answer, error) ? undefined : version
      if (silent >= SILENT || fruitless >= FRUITLESS) {
        fruitless = 0
        silent = 0
        from = undefined
      }
      if (answer.kind === 'ok' && error === undefined && events > 0 && livedMs >= BRIEF_MS) continue
      late = true
      if (!opened && answer.kind !== 'ok' && !isExpired(answer)) say(blindnessOf(answer), answer.detail)
      await rest(answer)
    }
  }

  return {
    state() {
      if (state !== 'listing' || clock.now() - since < LONGEST_LIST_MS) return { state, since, detail }
      return { state: 'behind', since, detail: `its list is under way since ${new Date(since).toISOString()}` }
    },
    ended: run()
  }
}

/** Whether the watch cannot go on from its version: too old, or one that this server does not know (yet). */
function isLost(answer: KubeAnswer, error: JsonObject | undefined): boolean {
  if (error !== undefined) return true
  if (answer.kind !== 'error') return false
  return answer.status === 410 || answer.status === 400 || answer.status === 422 || answer.status === 504
}
