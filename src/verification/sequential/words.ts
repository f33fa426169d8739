import { count, percent, span, times } from './figures.ts'
import { badShare } from './tally.ts'
import { type Grounds, INCONCLUSIVE, type Inconclusive, type PartGrounds } from './verdict.ts'

type Said = { readonly grounds: Grounds } & (
  | { readonly kind: 'pass' | 'fail' }
  | { readonly kind: 'inconclusive'; readonly because: Inconclusive; readonly more: string }
  | { readonly kind: 'watching'; readonly awaits: string }
)

/** A standing in words: the first line says it all, then a line for each part, then what the comparison is worth. */
export function words(said: Said): readonly string[] {
  const { grounds } = said
  return [
    headline(said),
    ...grounds.parts.map(partLine),
    `${grounds.compared}${grounds.guarantee === undefined ? '' : `; ${grounds.guarantee}`}`,
    ...grounds.notes
  ]
}

function headline(said: Said): string {
  const { grounds } = said
  const after = `after ${span(grounds.seconds)}`
  switch (said.kind) {
    case 'pass':
      return `pass ${after}: ${provenSentence(grounds)}`
    case 'fail': {
      const worst = grounds.parts.find(({ name }) => name === grounds.worst)
      return `fail ${after}: the new version is worse than is tolerated${worst === undefined ? '' : `, by its ${worst.name}: ${versus(worst)}`}`
    }
    case 'inconclusive':
      return `inconclusive ${after}: ${INCONCLUSIVE[said.because]}${said.because === 'too-little' && said.more !== '' ? `; ${said.more}` : ''}`
    case 'watching':
      return `watching for ${span(grounds.seconds)}; awaits ${said.awaits}`
  }
}

function provenSentence({ baseline, parts }: Grounds): string {
  const margins = [...new Set(parts.map(({ proven }) => proven ?? ''))].join(' and ')
  switch (baseline) {
    case 'concurrent':
      return `the new version is proven to be within ${margins} of the old one`
    case 'before':
      return `the new version is proven to be within ${margins} of what the old one did before the deploy`
    case 'concurrent-and-before':
      return `the new version is proven to be within ${margins} of the old one, now or before the deploy`
    case 'objective':
      return 'the new version is proven to meet the objective'
  }
}

function versus(part: PartGrounds): string {
  const old = part.old.requests === 0 ? '' : `, old version ${percent(badShare(part.old))} of ${count(part.old.requests)}`
  return `${percent(badShare(part.new))} of ${count(part.new.requests)} requests${old}; tolerated: ${part.tolerated}`
}

function partLine(part: PartGrounds): string {
  const { ratio } = part
  const compared =
    ratio === undefined
      ? ''
      : `; ratio ${ratio.estimate === undefined ? 'unknown' : times(ratio.estimate)}, between ${times(ratio.lower)} and ${
          ratio.upper === undefined ? 'any' : times(ratio.upper)
        } (bounds that hold at every look)`
  const proven = part.proven === undefined ? `tolerated ${part.tolerated}` : `tolerated ${part.tolerated}, proven within ${part.proven}`
  const evidence = `evidence to fail ${Math.floor(part.evidenceToFail * 100)} %, to pass ${Math.floor(part.evidenceToPass * 100)} %`
  return `${part.name}: new ${count(part.new.bad)} of ${count(part.new.requests)} (${percent(badShare(part.new))}), old ${count(part.old.bad)} of ${count(
    part.old.requests
  )} (${percent(badShare(part.old))})${compared}; ${proven}; ${evidence}`
}
