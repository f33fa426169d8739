import { chanceOf } from './chance.ts'
import { type Before, failsAfter, settingsFor } from './judge.ts'
import { looksOf, watchLooks } from './looks.ts'
import { kayenta } from './peers/kayenta.ts'
import { multinomial } from './peers/literature.ts'
import type { Rule } from './peers/rule.ts'
import { argo, flagger } from './peers/thresholds.ts'
import { zTest } from './peers/z-test.ts'
import { type Scene, TICK } from './scene.ts'
import { earlier, history, seen, trace } from './trace.ts'

/** The judges of the tables: ours at both lengths of a block, and the peers’ rules on 15 s scrapes. */
export const JUDGES = [
  'Astern 15 s',
  'Astern 5 s',
  'Astern learned',
  'Flagger 99 %',
  'Flagger tuned',
  'Argo 95 %',
  'Argo tuned',
  'Kayenta 1 min',
  'Kayenta 5 min',
  'z-test',
  'Lindon–Malek'
] as const
export type Judge = (typeof JUDGES)[number]

/** How one judge did in one cell. */
export interface Tallied {
  readonly runs: number
  /** Seconds until it rolled back, of those runs in which it did; in rising order. */
  readonly delays: readonly number[]
}

export type Cell = Readonly<Partial<Record<Judge, Tallied>>>

export interface Effort {
  readonly runs: number
  readonly seconds: number
  /** Seeds differ from cell to cell, and stay the same from run to run of the benchmark. */
  readonly seed: number
  /** Ours from closed blocks, or the whole way from raw counters, which takes longer to run. */
  readonly way?: 'blocks' | 'counters'
}

/** Ticks of a scrape of 15 s. */
const SLOW = 15 / TICK

/** Runs one cell: the same traces for every judge. */
export function runCell(scene: Scene, judges: readonly Judge[], { runs, seconds, seed, way = 'blocks' }: Effort): Cell {
  const chance = chanceOf(seed)
  const ticks = seconds / TICK
  const rules = peersOf(scene)
  const delays = new Map<Judge, number[]>(judges.map(judge => [judge, []]))
  for (let run = 0; run < runs; run += 1) {
    const before = { history: history(scene, chance) }
    const learned = judges.includes('Astern learned') ? { ...before, earlier: earlier(scene, chance) } : before
    const happened = trace(scene, seconds, chance)
    const slow = seen(happened, SLOW)
    const ours = (blockSeconds: 5 | 15, known: Before): number | undefined => {
      const settings = settingsFor(scene, known, { blockSeconds, seconds, passes: 'never' })
      const every = blockSeconds / TICK
      if (way === 'blocks') return failsAfter(settings, every === SLOW ? slow : seen(happened, every), ticks)
      const ended = watchLooks(settings, looksOf(happened, every))
      return ended.kind === 'fail' ? ended.seconds : undefined
    }
    for (const judge of judges) {
      const delay = ((): number | undefined => {
        switch (judge) {
          case 'Astern 15 s':
            return ours(15, before)
          case 'Astern learned':
            return ours(15, learned)
          case 'Astern 5 s':
            return ours(5, before)
          default:
            return rules[judge](slow, ticks)
        }
      })()
      if (delay !== undefined) delays.get(judge)?.push(delay)
    }
  }
  return Object.fromEntries([...delays].map(([judge, all]) => [judge, { runs, delays: all.sort((a, b) => a - b) }]))
}

type Peer = Exclude<Judge, 'Astern 15 s' | 'Astern 5 s' | 'Astern learned'>

/** “Tuned” is what an operator sets who knows the true share of errors: twice that, and half a percentage point. That favours the peers. */
function peersOf({ base }: Scene): Readonly<Record<Peer, Rule>> {
  const tuned = 1 - (2 * base + 0.005)
  return {
    'Flagger 99 %': flagger(0.99),
    'Flagger tuned': flagger(tuned),
    'Argo 95 %': argo(0.95),
    'Argo tuned': argo(tuned),
    'Kayenta 1 min': kayenta(1),
    'Kayenta 5 min': kayenta(5),
    'z-test': zTest(2.326347874),
    'Lindon–Malek': multinomial(0.01, 15)
  }
}
