import { type Cell, type Effort, JUDGES, type Judge, runCell } from './cell.ts'
import { blips, bursty, independent, moving, plain, regressions } from './cells.ts'
import { chanceOf } from './chance.ts'
import { percent, quantile, table, wilson } from './figures.ts'
import { settingsFor, watch } from './judge.ts'
import { blockSeconds, watchRaw } from './raw.ts'
import type { Scene } from './scene.ts'
import { history, seen, trace } from './trace.ts'

/** A table as it is printed, and what of it broke the promise of one percent. */
export interface Printed {
  readonly title: string
  readonly text: string
  readonly broken: readonly string[]
}

export interface Work {
  /** Runs of a cell for which a rate is promised. */
  readonly runs: number
  readonly minutes: number
  readonly progress: (line: string) => void
}

/** The promised share of false rollbacks, and the judges that it is promised for. */
const PROMISED = 0.01
const OURS: readonly Judge[] = ['Astern 15 s', 'Astern 5 s']
const PEERS: readonly Judge[] = JUDGES.filter(judge => !judge.startsWith('Astern'))

export function sameVersion(work: Work): Printed {
  return falseRollbacks(work, {
    title: `False rollbacks in ${work.minutes} min, %: a version that is no different; errors come independently`,
    scenes: independent({ kind: 'none' }),
    judges: [...OURS, ...PEERS],
    seed: 1_000
  })
}

export function edge(work: Work): Printed {
  return falseRollbacks(work, {
    title: `The worst case, ${work.minutes} min, %: a version exactly as much worse as is tolerated (×1.2 + 0.05 pp)`,
    scenes: independent({ kind: 'edge' }),
    judges: OURS,
    seed: 2_000
  })
}

export function drifting(work: Work): Printed {
  return falseRollbacks(work, {
    title: `False rollbacks in ${work.minutes} min, %: levels and traffic that move; the versions are no different (0.5 % at first)`,
    scenes: moving(),
    judges: [...OURS, ...PEERS],
    seed: 3_000
  })
}

interface Asked {
  readonly title: string
  readonly scenes: readonly Scene[]
  readonly judges: readonly Judge[]
  readonly seed: number
}

function falseRollbacks({ runs, minutes, progress }: Work, { title, scenes, judges, seed }: Asked): Printed {
  const broken: string[] = []
  const rows = scenes.map((scene, index) => {
    const cell = runCell(scene, judges, { runs, seconds: 60 * minutes, seed: seed + index })
    for (const judge of OURS) {
      const { upper } = wilson(cell[judge]?.delays.length ?? 0, runs)
      if (upper > PROMISED) broken.push(`${scene.name}, ${judge}: Wilson's upper bound is ${percent(upper)} %`)
    }
    const line = [scene.name, ...judges.map(judge => rate(cell, judge, OURS.includes(judge)))]
    progress(`${index + 1}/${scenes.length} ${line.slice(0, 3).join(' | ')}`)
    return line
  })
  return { title, text: table(['cell', ...judges.map(judge => (OURS.includes(judge) ? `${judge} [Wilson ≤]` : judge))], rows), broken }
}

function rate(cell: Cell, judge: Judge, bounded: boolean): string {
  const tallied = cell[judge]
  if (tallied === undefined) return ''
  const hits = tallied.delays.length
  return bounded ? `${percent(hits / tallied.runs)} [${percent(wilson(hits, tallied.runs).upper)}]` : percent(hits / tallied.runs)
}

/** Bursts are beyond the proof: the table tells what they do, and breaks nothing. */
export function bursts({ runs, minutes, progress }: Work): Printed {
  const judges: readonly Judge[] = ['Astern 15 s', 'Astern 5 s', 'Astern learned', ...PEERS.filter(judge => !judge.endsWith('%'))]
  const some = Math.ceil(runs / 4)
  const worse = bursty({ kind: 'times', times: 5 })
  const rows = bursty({ kind: 'none' }).map((scene, index, all) => {
    const effort = (count: number, seed: number): Effort => ({ runs: count, seconds: 60 * minutes, seed })
    const cell = runCell(scene, judges, effort(some, 4_000 + index))
    const found = worse[index] === undefined ? {} : runCell(worse[index], judges, effort(Math.ceil(some / 5), 4_500 + index))
    progress(`${index + 1}/${all.length} ${scene.name}: ${rate(cell, 'Astern 15 s', true)}`)
    return [scene.name, ...judges.map(judge => `${rate(cell, judge, false)}; ${median(found, judge)}`)]
  })
  return {
    title: `Errors that come in bursts (0.5 %, half of the traffic each): false rollbacks in ${minutes} min, % of ${some} runs; median seconds until ×5 is found, of ${Math.ceil(some / 5)} runs`,
    text: table(['cell', ...judges], rows),
    broken: []
  }
}

function median(cell: Cell, judge: Judge): string {
  const tallied = cell[judge]
  return tallied === undefined ? '' : quantile(tallied.delays, tallied.runs, 0.5)
}

export function delays({ runs, progress }: Work): Printed {
  const judges = [...OURS, ...PEERS]
  const some = Math.ceil(runs / 10)
  const rows = regressions().map((scene, index, all) => {
    const cell = runCell(scene, judges, { runs: some, seconds: 600, seed: 5_000 + index, way: 'counters' })
    progress(`${index + 1}/${all.length} ${scene.name}`)
    return [
      scene.name,
      ...judges.map(judge => `${quantile(cell[judge]?.delays ?? [], some, 0.5)} / ${quantile(cell[judge]?.delays ?? [], some, 0.95)}`)
    ]
  })
  return {
    title: `Seconds from the deploy to the decision, median / 95th percentile of ${some} runs (0.5 % before; – is not within 10 min)`,
    text: table(['regression', ...judges], rows),
    broken: []
  }
}

/** Ours on raw counters of pods that are scraped at their own times, which is the harder case: a start is then in several blocks. */
export function startBlips({ runs, minutes, progress }: Work): Printed {
  const some = Math.ceil(runs / 4)
  const rows = blips().map((scene, index) => {
    const cell = runCell(scene, PEERS, { runs: some, seconds: 60 * minutes, seed: 6_000 + index })
    const ours = (['prometheus', 'direct'] as const).map((from, which) => {
      const chance = chanceOf(6_100 + 10 * index + which)
      const reading = { from, seconds: 60 * minutes, trouble: 'none', ready: 'anytime' } as const
      const ended = Array.from({ length: some }, () => watchRaw(scene, reading, chance))
      const hits = ended.filter(({ kind }) => kind === 'fail').length
      return `${percent(hits / some)} [${percent(wilson(hits, some).upper)}]`
    })
    progress(`${scene.name}: ${ours.join(', ')}`)
    return [scene.name, ...ours, ...PEERS.map(judge => rate(cell, judge, false))]
  })
  return {
    title: `A start in which 30 % fail for 10 s, and all is well then: rolled back, % (${some} runs a cell)`,
    text: table(['traffic', ...OURS.map(judge => `${judge} [Wilson ≤]`), ...PEERS], rows),
    broken: []
  }
}

/** The whole way: raw counters of pods that are scraped at their own times, counted, put into blocks, judged. */
export function goals({ runs, progress }: Work): Printed {
  const some = Math.ceil(runs / 10)
  const rows = [
    { name: 'outage', change: { kind: 'share', share: 1 }, goal: 20 },
    { name: '×5', change: { kind: 'times', times: 5 }, goal: 30 }
  ] as const
  const lines = rows.flatMap(({ name, change, goal }, index) =>
    (['direct', 'prometheus'] as const).map((from, which) => {
      const chance = chanceOf(7_000 + 10 * index + which)
      const reading = { from, seconds: 600, trouble: 'none', ready: 'with-the-deploy' } as const
      const ended = Array.from({ length: some }, () => watchRaw(plain(100, 0.005, change), reading, chance))
      const failed = ended.filter(({ kind }) => kind === 'fail')
      const sorted = (of: (one: (typeof failed)[number]) => number): readonly number[] => failed.map(of).sort((a, b) => a - b)
      const seconds = sorted(one => Math.round(one.seconds))
      const blocks = sorted(one => one.blocks)
      progress(`${name}, ${from}`)
      const middle = seconds[Math.ceil(some / 2) - 1]
      return [
        `${name} at 100/s`,
        `${from}, blocks of ${blockSeconds(from)} s`,
        `${quantile(blocks, some, 0.5)} / ${quantile(blocks, some, 0.95)}`,
        `${quantile(seconds, some, 0.5)} / ${quantile(seconds, some, 0.95)}`,
        `≤ ${goal} s`,
        middle !== undefined && middle <= goal ? 'yes' : '**no**'
      ]
    })
  )
  return {
    title: `From raw counters of pods that are scraped at their own times, looked at as the product does: blocks and whole seconds from the deploy to the verdict, of ${some} runs`,
    text: table(['regression', 'scrapes', 'blocks, median / p95', 'seconds, median / p95', 'goal', 'median holds'], lines),
    broken: []
  }
}

/** False rollbacks on the whole way, with restarts and scrapes that are missed, repeated or late. */
export function troubled({ runs, minutes, progress }: Work): Printed {
  const broken: string[] = []
  const rows = (['direct', 'prometheus'] as const).map((from, which) => {
    const chance = chanceOf(8_000 + which)
    let failed = 0
    for (let run = 0; run < runs; run += 1) {
      const { kind } = watchRaw(
        plain(100, 0.005, { kind: 'none' }),
        { from, seconds: 60 * minutes, trouble: 'usual', ready: 'anytime' },
        chance
      )
      if (kind === 'fail') failed += 1
    }
    const { upper } = wilson(failed, runs)
    if (upper > PROMISED) broken.push(`trouble, ${from}: Wilson's upper bound is ${percent(upper)} %`)
    progress(`${from}: ${percent(failed / runs)}`)
    return [`${from}, blocks of ${blockSeconds(from)} s`, `${percent(failed / runs)} [${percent(upper)}]`]
  })
  return {
    title: `False rollbacks in ${minutes} min from raw counters, %: containers restart every 2 min, scrapes are missed, repeated and late (2 % each)`,
    text: table(['scrapes', 'Astern [Wilson ≤]'], rows),
    broken
  }
}

export function passing({ runs, progress }: Work): Printed {
  const some = Math.ceil(runs / 10)
  const rows = [1, 10, 100, 1_000].flatMap((perSecond, index) =>
    [0.0005, 0.005].map((base, column) => {
      const cells = (['none', 'pass-edge'] as const).map((kind, which) => {
        const scene = plain(perSecond, base, { kind })
        const chance = chanceOf(9_000 + 100 * index + 10 * column + which)
        const ends = { pass: 0, fail: 0, inconclusive: 0 }
        for (let run = 0; run < some; run += 1) {
          const before = { history: history(scene, chance) }
          const settings = settingsFor(scene, before, { blockSeconds: 15, seconds: 600, passes: 'as-usual' })
          const { decision } = watch(settings, seen(trace(scene, 600, chance), 3), 120)
          if (decision !== undefined) ends[decision.kind] += 1
        }
        return `${percent(ends.pass / some)} / ${percent(ends.inconclusive / some)} / ${percent(ends.fail / some)}`
      })
      const { name } = plain(perSecond, base, { kind: 'none' })
      progress(name)
      return [name, ...cells]
    })
  )
  return {
    title: `With the default soak (5 min) and deadline (10 min): pass / inconclusive / fail, % of ${some} runs`,
    text: table(['cell', 'a version that is no different', 'one exactly at what a pass tolerates (×2 + 0.5 pp)'], rows),
    broken: []
  }
}
