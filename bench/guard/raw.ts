import type { Look, Scrape, SeenPod, Series } from '../../src/verification/sequential/counting/scrape.ts'
import type { Chance } from './chance.ts'
import { settingsFor } from './judge.ts'
import { type Ended, podOf, watchLooks } from './looks.ts'
import { changed, type Scene } from './scene.ts'
import { history, PODS } from './trace.ts'

/** How raw counters are read. */
export interface Reading {
  readonly scrapeSeconds: number
  readonly seconds: number
  /** With trouble, scrapes are missed, come twice or late (2 % each), and a pod's container restarts every two minutes. */
  readonly trouble: 'none' | 'usual'
}

/** Seconds between two looks. */
const LOOK = 5
const RESTART_EVERY = 120
const TROUBLE = 0.02

/** The product’s own watch of raw counters: from the scrapes of pods at their own times to the verdict. */
export function watchRaw(scene: Scene, reading: Reading, chance: Chance): Ended {
  const before = { history: history(scene, chance) }
  const settings = settingsFor(scene, before, { blockSeconds: reading.scrapeSeconds, seconds: reading.seconds, passes: 'never' })
  return watchLooks(settings, looksOf(scene, reading, chance))
}

interface Running {
  readonly pod: SeenPod
  readonly phase: number
  good: number
  bad: number
  restarts: number
  /** When its counters were last brought up to date, in seconds. */
  until: number
}

/** What the looks bring. The time of the deploy is 0, and nothing else is in step with it. */
function* looksOf(scene: Scene, { scrapeSeconds, seconds, trouble }: Reading, chance: Chance): Generator<Look> {
  const pods = Array.from({ length: 2 * PODS }, (_, index) => start(index, scrapeSeconds, chance))
  const seen = pods.map(({ pod }) => pod)
  const offset = LOOK * chance.uniform()
  let late: Scrape[] = []
  for (let at = offset; at <= seconds; at += LOOK) {
    const scrapes = late
    late = []
    for (const running of pods) {
      const scraped = lastScrape(running.phase, at, scrapeSeconds)
      // The old pods were read before the deploy as well: from then on they are counted.
      if (at === offset && running.pod.version === 'old') scrapes.push(scrapeOf(scene, running, -1, { chance, trouble: 'none' }))
      if (scraped <= Math.max(0, at - LOOK)) continue
      const one = scrapeOf(scene, running, scraped, { chance, trouble })
      const luck = trouble === 'none' ? 1 : chance.uniform()
      if (luck < TROUBLE) continue
      if (luck < 2 * TROUBLE) late.push(one)
      else scrapes.push(one)
      if (luck > 1 - TROUBLE && luck < 1) scrapes.push(one)
    }
    yield { at: at * 1_000, pods: seen, scrapes }
  }
}

function start(index: number, scrapeSeconds: number, chance: Chance): Running {
  const pod = podOf(index)
  const isNew = pod.version === 'new'
  return {
    pod,
    phase: scrapeSeconds * chance.uniform(),
    good: isNew ? 0 : 1_000_000,
    bad: isNew ? 0 : 5_000,
    restarts: 0,
    until: 0
  }
}

function lastScrape(phase: number, at: number, every: number): number {
  return phase + Math.floor((at - phase) / every) * every
}

function scrapeOf(
  scene: Scene,
  running: Running,
  at: number,
  how: { readonly chance: Chance; readonly trouble: 'none' | 'usual' }
): Scrape {
  const isNew = running.pod.version === 'new'
  if (how.trouble === 'usual' && Math.floor(at / RESTART_EVERY) > Math.floor(running.until / RESTART_EVERY)) {
    running.good = 0
    running.bad = 0
    running.restarts += 1
  }
  const share = scene.newShare(running.until)
  const requests = ((2 * scene.perSecond * (isNew ? share : 1 - share)) / PODS) * Math.max(0, at - running.until)
  const old = scene.base * (scene.level?.(running.until) ?? 1)
  const bad = Math.min(1, isNew ? changed(scene.change, old, running.until) : old)
  running.good += how.chance.poisson(requests * (1 - bad))
  running.bad += how.chance.poisson(requests * bad)
  running.until = Math.max(0, at)
  const series = (code: string, value: number): Series => ({ labels: { __name__: 'http_requests_total', code }, value })
  return {
    pod: running.pod.uid,
    at: at * 1_000,
    restarts: running.restarts,
    series: [series('200', running.good), ...(running.bad > 0 ? [series('500', running.bad)] : [])]
  }
}
