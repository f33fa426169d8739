/** How much worse than the old version is tolerated: `new ≤ ratio × old + add`, both as shares of the requests. */
export interface Margin {
  readonly ratio: number
  readonly add: number
}

export type ParsedMargin = { readonly kind: 'margin'; readonly margin: Margin } | { readonly kind: 'wrong'; readonly problem: string }

/** A ratio above this is surely a slip of the hand: nothing short of an outage would be found. */
const HIGHEST_RATIO = 100

/** No margin that makes sense is longer; the expression below takes its time over thousands of blanks. */
const LONGEST_TEXT = 64

const wrong = (problem: string): ParsedMargin => ({ kind: 'wrong', problem })

/**
 * Parses a margin as people write it: `x1.2 + 0.05pp` (up to 1.2 times the old version’s share of errors, and 0.05 percentage points
 * more), `x1.2` or `0.05pp` alone.
 */
export function parseMargin(text: string): ParsedMargin {
  if (text.length > LONGEST_TEXT) return wrong(`a tolerance of ${text.length} characters: at most ${LONGEST_TEXT}, as in "x1.2 + 0.05pp"`)
  const found = /^\s*(?:[x×]\s*(?<ratio>\d+(?:\.\d+)?))?\s*(?<plus>\+)?\s*(?:(?<add>\d+(?:\.\d+)?)\s*pp)?\s*$/i.exec(text)?.groups
  if (found === undefined || (found['ratio'] === undefined && found['add'] === undefined))
    return wrong(`${JSON.stringify(text)} is no tolerance: write "x1.2 + 0.05pp", "x1.2" or "0.05pp"`)
  const both = found['ratio'] !== undefined && found['add'] !== undefined
  if (both !== (found['plus'] !== undefined))
    return wrong(`${JSON.stringify(text)}: the two parts of a tolerance are joined by "+", as in "x1.2 + 0.05pp"`)
  const ratio = found['ratio'] === undefined ? 1 : Number(found['ratio'])
  const points = found['add'] === undefined ? 0 : Number(found['add'])
  if (ratio < 1) return wrong(`x${ratio} would ask the new version to be better than the old one: at least x1`)
  if (ratio > HIGHEST_RATIO) return wrong(`x${ratio} tolerates nearly everything: at most x${HIGHEST_RATIO}`)
  if (points >= 100) return wrong(`${points}pp tolerates that every request fails: below 100pp`)
  return { kind: 'margin', margin: { ratio, add: points / 100 } }
}

/** The text that `parseMargin` reads back. */
export function formatMargin({ ratio, add }: Margin): string {
  // Twelve digits: 0.0005 × 100 is not quite 0.05 in doubles.
  const points = `${Number((add * 100).toPrecision(12))}pp`
  if (add === 0) return `x${ratio}`
  return ratio === 1 ? points : `x${ratio} + ${points}`
}

/** Whether everything that `tight` tolerates is tolerated by `loose` as well. */
export function within(tight: Margin, loose: Margin): boolean {
  return tight.ratio <= loose.ratio && tight.add <= loose.add
}
