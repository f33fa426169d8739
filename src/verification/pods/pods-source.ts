import { atMost } from '../../base/at-most.ts'
import { SECOND } from '../../base/clock.ts'
import { shownText } from '../../base/shown-text.ts'
import type { GuardedPod } from '../../domain/guarded-pod.ts'
import { GRPC_COUNTERS, GRPC_LATENCIES, HTTP_COUNTERS, HTTP_LATENCIES } from '../sequential/counting/metric-choice.ts'
import type { NumberSource, Said } from '../sequential/counting/number-source.ts'
import type { Labels } from '../sequential/counting/scrape.ts'
import { type PodReaderParts, type PodReading, readPod } from './pod-reader.ts'
import { createScrapeRing } from './scrape-ring.ts'

/** A pod that is not read, and why. */
export interface UnreadPod {
  readonly pod: string
  readonly detail: string
}

/** The pods themselves, as a source of numbers. It reads nothing before it is started, and nothing after it is stopped. */
export interface PodsSource extends NumberSource {
  /** Begins to read the pods that it knows of, every five seconds. Once more changes nothing. */
  start(): void
  /** Ends the readings that go on, and forgets what was read. Once more changes nothing. */
  stop(): Promise<void>
  /** Tells which pods there are: those of the newest look. Asking for scrapes tells it too, and asking for labels takes more on. */
  see(pods: readonly GuardedPod[]): void
  /** The pods that could not be read the last time. */
  unread(): readonly UnreadPod[]
}

/** Seconds between two readings of a pod. */
const INTERVAL = 5
/**
 * So many of the pods that answered the last time are read at a time, and so many of all others: what hangs may hold up whatever has
 * never answered, and nobody else.
 */
const PROVEN_AT_A_TIME = 64
const OTHERS_AT_A_TIME = 32
/** So many pods of each version are asked for what they count: all of them run the same program. */
const ASKED = 20
/** Characters of why a pod is not read. */
const TOLD = 300

/** Makes the source. `parts.pages` is the road to the pods. */
export function createPodsSource(parts: PodReaderParts): PodsSource {
  const ring = createScrapeRing()
  const main = atMost(PROVEN_AT_A_TIME)
  const aside = atMost(OTHERS_AT_A_TIME)
  const proven = new Set<string>()
  const known = new Map<string, Map<string, Labels>>()
  const going = new Map<string, Promise<void>>()
  const problems = new Map<string, Extract<PodReading, { readonly kind: 'unread' }>>()
  let pods = new Map<string, GuardedPod>()
  let wanted = wantedNames([...HTTP_COUNTERS, ...GRPC_COUNTERS, ...HTTP_LATENCIES, ...GRPC_LATENCIES])
  let sentences: readonly string[] = []
  let running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  const labelsOf = (uid: string): Map<string, Labels> => {
    const found = known.get(uid) ?? new Map<string, Labels>()
    known.set(uid, found)
    return found
  }

  function see(seen: readonly GuardedPod[]): void {
    pods = new Map(seen.filter(isRead).map(pod => [pod.uid, pod]))
    for (const map of [known, problems, proven]) for (const uid of map.keys()) if (!pods.has(uid)) map.delete(uid)
  }

  /** Takes on pods that nobody told of yet. */
  function seeMore(asked: readonly GuardedPod[]): void {
    for (const pod of asked) if (isRead(pod) && !pods.has(pod.uid)) pods.set(pod.uid, pod)
  }

  async function readOne(pod: GuardedPod, signal: AbortSignal): Promise<void> {
    const read = await readPod(parts, pod, { wanted: name => wanted.has(name), known: labelsOf(pod.uid) }, signal)
    if (signal.aborted) return
    if (read.kind === 'unread') {
      problems.set(pod.uid, read)
      proven.delete(pod.uid)
      return
    }
    problems.delete(pod.uid)
    proven.add(pod.uid)
    const restarts = pods.get(pod.uid)?.restarts ?? pod.restarts
    ring.add({ scrape: { pod: pod.uid, at: read.at, restarts, series: read.series }, ...(pod.ip === undefined ? {} : { ip: pod.ip }) })
  }

  /** Begins a reading of each pod that is not being read. One that hangs is waited for by nobody. */
  function readAll(signal: AbortSignal): void {
    for (const pod of pods.values()) {
      if (going.has(pod.uid)) continue
      const lane = proven.has(pod.uid) ? main : aside
      const reading = lane(async () => {
        if (!signal.aborted) await readOne(pod, signal)
      }).finally(() => going.delete(pod.uid))
      going.set(pod.uid, reading)
    }
  }

  async function poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      readAll(signal)
      try {
        await parts.clock.sleep(INTERVAL * SECOND, signal)
      } catch (cause) {
        if (!signal.aborted) throw cause
      }
    }
    await Promise.all(going.values())
  }

  return {
    name: 'the pods themselves',
    see,

    start() {
      if (running !== undefined) return
      const stop = new AbortController()
      running = { stop, ended: poll(stop.signal) }
    },

    async stop() {
      const ending = running
      running = undefined
      ending?.stop.abort()
      await ending?.ended
      ring.clear()
      for (const kept of [known, problems, proven]) kept.clear()
    },

    unread: () =>
      [...problems].map(([uid, { detail }]) => ({ pod: shownText(pods.get(uid)?.name ?? uid, TOLD), detail: shownText(detail, TOLD) })),

    said: () => sentences,

    interval: async () => ({ kind: 'said', value: INTERVAL }),

    async labels(asked, metrics, signal) {
      seeMore(asked)
      const names = wantedNames(metrics)
      const some = (['old', 'new'] as const).flatMap(version => asked.filter(pod => isRead(pod) && pod.version === version).slice(0, ASKED))
      const readings = await Promise.all(
        some.map(pod => aside(() => readPod(parts, pod, { wanted: name => names.has(name), known: new Map() }, signal)))
      )
      const found = new Map<string, Labels>()
      const pages = new Set<string>()
      for (const reading of readings) {
        if (reading.kind === 'unread') continue
        pages.add(`${reading.page.scheme}, port ${reading.page.port}, ${reading.page.path}`)
        for (const { labels } of reading.series) found.set(JSON.stringify(labels), labels)
      }
      const failed = readings.filter(reading => reading.kind === 'unread')
      sentences = saidOf(pages, failed, readings.length)
      if (failed.length < readings.length || readings.length === 0) return { kind: 'said', value: [...found.values()] }
      return unsaid(failed)
    },

    async scrapes({ pods: seen, counters, from, to }): Promise<Said<ReturnType<typeof ring.between>[number]['scrape'][]>> {
      see(seen)
      wanted = wantedNames(counters.map(({ metric }) => metric))
      const there = new Map(seen.map(pod => [pod.uid, pod]))
      const value = ring
        .between(from, to)
        .filter(({ scrape, ip }) => isStill(there.get(scrape.pod), scrape.at, ip))
        .map(({ scrape }) => ({ ...scrape, series: scrape.series.filter(({ labels }) => wanted.has(labels['__name__'] ?? '')) }))
      if (value.length > 0 || pods.size === 0 || [...pods.keys()].some(uid => !problems.has(uid))) return { kind: 'said', value }
      return unsaid([...problems.values()])
    }
  }
}

/** Whether a pod counts, or did until it broke. What it did before it was Ready is not counted, and what it does in its shutdown neither. */
function isRead({ readyFrom, deletedAt }: GuardedPod): boolean {
  return readyFrom !== undefined && deletedAt === undefined
}

/** Whether what was read was this pod's: addresses and names are used again, so that a later look must still show it there. */
function isStill(pod: GuardedPod | undefined, at: number, ip: string | undefined): boolean {
  if (pod === undefined || (pod.deletedAt !== undefined && pod.deletedAt < at)) return false
  return pod.ip === undefined || ip === undefined || pod.ip === ip
}

function unsaid(failed: readonly Extract<PodReading, { readonly kind: 'unread' }>[]): Said<never> {
  const [first] = failed
  const because =
    (['forbidden', 'too-much', 'rejected'] as const).find(one => failed.every(problem => problem.because === one)) ?? 'unreachable'
  return { kind: 'unsaid', because, detail: shownText(`no pod can be read; ${first?.detail ?? ''}`, TOLD) }
}

function saidOf(pages: ReadonlySet<string>, failed: readonly { readonly detail: string }[], all: number): readonly string[] {
  const [first] = failed
  return [
    ...(pages.size === 0 ? [] : [`the pods are read every ${INTERVAL} s: ${shownText([...pages].sort().join('; '), TOLD)}`]),
    ...(first === undefined ? [] : [`${failed.length} of ${all} pods cannot be read: ${shownText(first.detail, TOLD)}`])
  ]
}

/** Of a histogram, only its buckets are counted. */
function wantedNames(metrics: readonly string[]): ReadonlySet<string> {
  return new Set(metrics.flatMap(metric => [metric, `${metric}_bucket`]))
}
