import { percent, span } from './figures.ts'
import { fineOfPart, oldVersionGone, type PartState, type WatchState, worseOfPart } from './judge.ts'
import { type RatioBounds, ratioBounds } from './ratio-bounds.ts'
import { levelsOf, type PartSettings, UNHEALTHY_SHARE, type WatchSettings } from './settings.ts'
import { badShare } from './tally.ts'
import { provenText, toleratedText } from './tolerances.ts'
import type { Grounds, PartGrounds } from './verdict.ts'

const BASELINE_SENTENCES = {
  concurrent: 'compared with the old version while both served',
  before:
    'compared with what the old version did before the deploy: a weaker guarantee, for the hour may have changed what the deploy did not',
  'concurrent-and-before':
    'compared with the old version while both served, and with what it did before the deploy, half each: the second half has a weaker guarantee',
  objective: 'compared with the objective, and not with the old version'
} as const

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
            ...finite(ratioBounds(tested, levels.worse, own.comparisons[concurrent]?.dispersion ?? 1))
          }
        }),
    tolerated: toleratedText(own),
    ...(proven === -1 ? {} : { proven: provenText(own, proven) }),
    evidenceToFail: portion(worseOfPart(own, part) / (needed.worse + Math.log(1 / weight))),
    evidenceToPass: portion(Math.max(...fine) / needed.fine)
  }
}

/** Infinity is no JSON. */
const finite = ({ lower, upper }: RatioBounds) => ({ lower, ...(Number.isFinite(upper) ? { upper } : {}) })

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
  for (const [index, { name }] of settings.parts.entries())
    if (state.serving.bothTo !== undefined && state.serving.newRequests > 0 && state.parts[index]?.seen.new.requests === 0)
      notes.push(`${name}: the new version tells nothing of it, or only while its pods warm up`)
  if (oldVersionGone(settings, state))
    notes.push(
      `both versions served side by side until ${span(((state.serving.bothTo ?? 0) - settings.counting.from) / 1_000)} after the deploy; what came later was not compared`
    )
  if (state.silent) notes.push('the pods of the new version answer, and none of them has the metric that is counted, or not yet')
  if (state.unreadable.length > 0) notes.push(`can't be read: ${state.unreadable.join(', ')}`)
  return notes
}
