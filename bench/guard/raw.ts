import { nextLook } from '../../src/deploy-guard/looks.ts'
import type { Look, Scrape, SeenPod, Series } from '../../src/verification/sequential/counting/scrape.ts'
import { startWatch, type WatchState, watchLook } from '../../src/verification/sequential/judge.ts'
import type { WatchSettings } from '../../src/verification/sequential/settings.ts'
import type { Chance } from './chance.ts'
import { settingsFor } from './judge.ts'
import { type Ended, podOf } from './looks.ts'
import { changed, type Scene } from './scene.ts'
import { history, PODS } from './trace.ts'

/** How raw counters are read. */
export interface Reading {
  /** `direct`: Astern reads all pods every 5 s. `prometheus`: they are scraped every 15 s, each at its own time, and asked for as the product asks. */
  readonly from: 'direct' | 'prometheus'
  readonly seconds: number
  /** When the new pods become Ready: all with the deploy, or each at any time of the 5 s after it. */
  readonly ready: 'with-the-deploy' | 'anytime'
  /** With trouble, scrapes are missed, come twice or late (2 % each), and the new pods’ containers restart every two minutes. */
  readonly trouble: 'none' | 'usual'
}

/** Seconds between two looks, and between two scrapes of a pod by a Prometheus. */
const LOOK = 5
const SCRAPE = 15

/** Answers of pods and of Prometheus take up to this long. */
const ANSWER = 0.3

const RESTART_EVERY = 120
const TROUBLE = 0.02

/** Seconds of a block. */
export function blockSeconds(from: Reading['from']): number {
  return from === 'direct' ? LOOK : SCRAPE
}

/** The product’s own watch of raw counters: from the scrapes of pods at their own times to the verdict. */
export function watchRaw(scene: Scene, reading: Reading, chance: Chance): Ended {
  const before = { history: history(scene, chance) }
  const settings = settingsFor(scene, before, { blockSeconds: blockSeconds(reading.from), seconds: reading.seconds, passes: 'never' })
  const look = looking(scene, reading, chance)
  let state = startWatch(settings)
  let blocks = 0
  for (let due = 0; due <= reading.seconds; due = nextDue(reading, settings, state)) {
    const { testedTo } = state
    state = watchLook(settings, state, look(due))
    if (state.testedTo !== testedTo) blocks += 1
    if (state.decision !== undefined) return { kind: state.decision.kind, seconds: state.decision.at / 1_000, blocks }
  }
  return { kind: 'watching', seconds: state.counting.at / 1_000, blocks }
}

/** Pods are read every 5 s; a Prometheus is asked when the product asks it. Seconds after the deploy. */
function nextDue({ from }: Reading, settings: WatchSettings, { counting }: WatchState): number {
  if (from === 'direct') return (Math.floor(counting.at / 1_000 / LOOK) + 1) * LOOK
  return nextLook({ settings, lagMs: 0 }, counting, 0).to / 1_000
}

/** Times are seconds after the deploy. */
interface Running {
  readonly pod: SeenPod
  readonly readyFrom: number
  readonly phase: number
  good: number
  bad: number
  restarts: number
  /** Up to when it has served. */
  until: number
}

/** What a look brings that is due at a second. */
function looking(scene: Scene, reading: Reading, chance: Chance): (due: number) => Look {
  const pods = Array.from({ length: 2 * PODS }, (_, index) => start(index, reading.ready, chance))
  const seen = pods.map(({ pod }) => pod)
  // The old pods were read before the deploy as well: from then on they are counted.
  let late: Scrape[] = pods.slice(0, PODS).map(running => scrapeOf(running, 0))
  return due => {
    const at = milliseconds(due + ANSWER * chance.uniform())
    const scrapes = late
    late = []
    for (const running of pods) {
      const scraped = reading.from === 'direct' ? at : lastScrape(running.phase, at)
      if (scraped <= running.until || scraped < running.readyFrom) continue
      if (reading.trouble === 'usual' && running.pod.version === 'new') restart(running, scraped)
      serve(scene, running, scraped, chance)
      const luck = reading.trouble === 'none' ? 0.5 : chance.uniform()
      if (luck < TROUBLE) continue
      if (luck < 2 * TROUBLE) late.push(scrapeOf(running, scraped))
      else scrapes.push(scrapeOf(running, scraped))
      if (luck > 1 - TROUBLE) scrapes.push(scrapeOf(running, scraped))
    }
    return { at: Math.round(1_000 * at), pods: seen, scrapes }
  }
}

const milliseconds = (seconds: number): number => Math.round(1_000 * seconds) / 1_000

function start(index: number, ready: Reading['ready'], chance: Chance): Running {
  const pod = podOf(index)
  const isNew = pod.version === 'new'
  const readyFrom = isNew && ready === 'anytime' ? milliseconds(LOOK * chance.uniform()) : 0
  return {
    pod: isNew ? { ...pod, readyFrom: 1_000 * readyFrom } : pod,
    readyFrom,
    phase: milliseconds(SCRAPE * chance.uniform()),
    good: isNew ? 0 : 1_000_000,
    bad: isNew ? 0 : 5_000,
    restarts: 0,
    until: readyFrom
  }
}

function lastScrape(phase: number, at: number): number {
  return milliseconds(phase + Math.floor((at - phase) / SCRAPE) * SCRAPE)
}

/** Requests between the last scrape and a restart are lost to everyone. */
function restart(running: Running, at: number): void {
  const restarted = Math.floor(at / RESTART_EVERY) * RESTART_EVERY
  if (restarted <= running.until) return
  running.good = 0
  running.bad = 0
  running.restarts += 1
  running.until = restarted
}

/** Serves up to a time. Shares are taken by the tenth of a second; a change of the new version counts from when the pod became Ready. */
function serve(scene: Scene, running: Running, to: number, chance: Chance): void {
  const isNew = running.pod.version === 'new'
  let [good, bad] = [0, 0]
  const steps = Math.max(1, Math.round(10 * (to - running.until)))
  const length = (to - running.until) / steps
  for (let step = 0; step < steps; step += 1) {
    const at = running.until + (step + 0.5) * length
    const share = scene.newShare(at)
    const requests = ((2 * scene.perSecond * (isNew ? share : 1 - share)) / PODS) * length
    const old = scene.base * (scene.level?.(at) ?? 1)
    const failing = Math.min(1, isNew ? changed(scene.change, old, at - running.readyFrom) : old)
    good += requests * (1 - failing)
    bad += requests * failing
  }
  running.good += chance.poisson(good)
  running.bad += chance.poisson(bad)
  running.until = to
}

function scrapeOf({ pod, good, bad, restarts }: Running, at: number): Scrape {
  const series = (code: string, value: number): Series => ({ labels: { __name__: 'http_requests_total', code }, value })
  return { pod: pod.uid, at: Math.round(1_000 * at), restarts, series: [series('200', good), ...(bad > 0 ? [series('500', bad)] : [])] }
}
