import { percent } from './figures.ts'
import { fineOfPart, type PartState, type WatchState, worseOfPart } from './judge.ts'
import { formatMargin } from './margin.ts'
import { ratioBounds } from './ratio-bounds.ts'
import { levelsOf, type PartSettings, type WatchSettings } from './settings.ts'
import { badShare } from './tally.ts'
import type { Grounds, PartGrounds } from './verdict.ts'

const BASELINE_SENTENCES = {
  concurrent: 'compared with the old version while both served',
  before:
    'compared with what the old version did before the deploy: a weaker guarantee, for the hour may have changed what the deploy did not',
  'concurrent-and-before':
    'compared with the old version while both served, and with what it did before the deploy, half each: the second half has a weaker guarantee',
  objective: 'compared with the objective, and not with the old version'
} as const

/** An old version that fails so many of its requests is no model. */
const UNHEALTHY_SHARE = 0.05

/** What a watch has seen so far, in numbers. */
export function groundsOf(settings: WatchSettings, state: WatchState): Grounds {
  const parts = state.parts.flatMap((part, index) => {
    const own = settings.parts[index]
    return own === undefined ? [] : [groundsOfPart(settings, own, part)]
  })
  const worst = parts.toSorted((a, b) => b.evidenceToFail - a.evidenceToFail)[0]
  return {
    baseline: settings.baseline,
    compared: BASELINE_SENTENCES[settings.baseline],
    ...(settings.baseline === 'concurrent'
      ? {
          guarantee: `a version within the tolerance fails with a chance of at most ${percent(settings.alpha)}, proven for errors that come independently`
        }
      : {}),
    seconds: Math.max(0, (state.counting.at - settings.counting.from) / 1_000),
    parts,
    ...(worst === undefined ? {} : { worst: worst.name }),
    notes: [...settings.said, ...notesOf(settings, state, parts)]
  }
}

function groundsOfPart(settings: WatchSettings, own: PartSettings, part: PartState): PartGrounds {
  const levels = levelsOf(settings)
  const needed = { worse: Math.log(1 / levels.worse), fine: Math.log(1 / levels.fine) }
  // One part of several reaches the mean only with its weight.
  const weight = own.comparisons.reduce((all, comparison) => all + comparison.weight, 0)
  const fine = fineOfPart(own, part)
  const proven = fine.findIndex(log => log >= needed.fine)
  const margin = own.fine[proven]
  const concurrent = own.comparisons.findIndex(comparison => comparison.with === 'concurrent')
  const tested = part.comparisons[concurrent]?.tested ?? []
  const oldShare = badShare(part.seen.old)
  return {
    metric: own.metric,
    name: own.name,
    old: part.seen.old,
    new: part.seen.new,
    ...(tested.length === 0
      ? {}
      : {
          ratio: {
            ...(oldShare === 0 ? {} : { estimate: badShare(part.seen.new) / oldShare }),
            bounds: ratioBounds(tested, levels.worse, own.comparisons[concurrent]?.dispersion ?? 1)
          }
        }),
    tolerated: formatMargin(own.tolerated),
    ...(margin === undefined ? {} : { proven: formatMargin(margin) }),
    evidenceToFail: portion(worseOfPart(own, part) / (needed.worse + Math.log(1 / weight))),
    evidenceToPass: portion(Math.max(...fine) / needed.fine)
  }
}

const portion = (value: number): number => Math.min(1, Math.max(0, value))

function notesOf(settings: WatchSettings, state: WatchState, parts: readonly PartGrounds[]): readonly string[] {
  const notes: string[] = []
  for (const part of parts) {
    const share = badShare(part.old)
    if (part.metric === 'errors' && part.old.requests > 0 && share >= UNHEALTHY_SHARE)
      notes.push(
        `the old version is not healthy itself: ${percent(share)} of its requests are bad, and being no worse than that says little`
      )
  }
  if (settings.objectiveBefore === 'first-deploy') notes.push('first deploy: there is no old version to compare with')
  if (state.unreadable.length > 0) notes.push(`can't be read: ${state.unreadable.join(', ')}`)
  return notes
}
