import { formatMargin } from '../../domain/margin.ts'
import type { Limit } from './bet.ts'
import { percent } from './figures.ts'
import type { Comparison, PartSettings } from './settings.ts'

/** What a failure must be beyond, in words; where a comparison cannot fail, it says so. */
export function toleratedText({ comparisons }: PartSettings): string {
  return comparisons.map(one => (one.worse === undefined ? 'anything: it cannot fail' : limitText(one, one.worse))).join('; ')
}

/** What a pass with one of the part’s margins proves, in words. */
export function provenText({ comparisons, fine }: PartSettings, margin: number): string {
  const texts = comparisons.flatMap(one => {
    const limit = one.fine[margin]
    return limit === undefined ? [] : [limitText(one, limit)]
  })
  const own = fine[margin]
  return texts.length === 0 && own !== undefined ? formatMargin(own) : texts.join(' or ')
}

function limitText({ with: compared }: Comparison, limit: Limit): string {
  if (limit.kind === 'relative') return formatMargin(limit.margin)
  return compared === 'objective' ? `the objective of ${percent(limit.share)}` : `${percent(limit.share)}, by what was before the deploy`
}
