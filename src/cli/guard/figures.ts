import { formatDuration } from '../../base/duration.ts'
import type { Told, ToldPart, ToldReported, ToldTally, ToldVersion } from './told.ts'

/** How numbers of a guard are written, everywhere alike. */

const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const NUMBER = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 })
const BAR_CELLS = 10
const SPARKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

/** `4 of 3,000 (0.13 %)`. */
export function tallyText({ requests, bad }: ToldTally): string {
  return requests === 0 ? 'no requests' : `${COUNT.format(bad)} of ${COUNT.format(requests)} (${percent(bad / requests)})`
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))} %`
}

/** `1.1 (0.31 to 3.4)`: new ÷ old share of bad requests, with its bounds. */
export function ratioText({ ratio }: Pick<ToldPart, 'ratio'>): string | undefined {
  if (ratio === undefined) return undefined
  const number = (value: number): string => String(Number(value.toPrecision(2)))
  const bounds = ratio.upper === undefined ? `at least ${number(ratio.lower)}` : `${number(ratio.lower)} to ${number(ratio.upper)}`
  return ratio.estimate === undefined ? bounds : `${number(ratio.estimate)} (${bounds})`
}

/** The part to look at: the nearest to a failure, else the farthest from a pass. */
export function worstPart(parts: readonly ToldPart[]): ToldPart | undefined {
  return [...parts].sort((first, second) => second.toFail - first.toFail || first.toPass - second.toPass)[0]
}

/** `pass ██████░░░░ 60 %, fail 4 %`: what is nearer to being proven has the bar. */
export function evidenceText(parts: readonly ToldPart[]): string | undefined {
  if (parts.length === 0) return undefined
  // One part is enough to fail; a pass needs all.
  const fail = Math.max(...parts.map(part => part.toFail))
  const pass = Math.min(...parts.map(part => part.toPass))
  return fail > pass ? `fail ${bar(fail)}, pass ${whole(pass)}` : `pass ${bar(pass)}, fail ${whole(fail)}`
}

function bar(share: number): string {
  const full = Math.floor(share * BAR_CELLS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${whole(share)}`
}

// Rounded down: 100 % is what has been proven, and nothing less.
function whole(share: number): string {
  return `${Math.floor(share * 100)} %`
}

/** A line of small bars, the highest value at the top. Undefined values are gaps. */
export function sparkline(values: readonly (number | undefined)[], highest: number): string {
  return values
    .map(value => {
      if (value === undefined) return '·'
      const step = highest <= 0 ? 0 : Math.round((value / highest) * (SPARKS.length - 1))
      return SPARKS[Math.min(SPARKS.length - 1, Math.max(0, step))] ?? ''
    })
    .join('')
}

/** `revision 12 (registry/api:1.4.2)`. */
export function versionText({ revision, images }: ToldVersion): string {
  const names = images.length === 0 ? '' : images.slice(0, 3).join(', ') + (images.length > 3 ? ` and ${images.length - 3} more` : '')
  if (revision === undefined) return names === '' ? 'an unnumbered version' : names
  return names === '' ? `revision ${revision}` : `revision ${revision} (${names})`
}

/** Whole seconds since the deploy, as a duration. */
export function elapsedText(seconds: number): string {
  return formatDuration(Math.round(seconds) * 1_000)
}

/** What a running guard waits for. */
export function awaitsText(told: Told): string | undefined {
  return told.awaits ?? told.standing?.awaits
}

/** `reported queue-lag 1,200`: what decides nothing. Undefined where nothing was asked for. */
export function reportedText(reported: readonly ToldReported[]): string | undefined {
  if (reported.length === 0) return undefined
  return `reported ${reported.map(({ name, value, why }) => `${name} ${value === undefined ? `unknown (${why ?? 'no number'})` : NUMBER.format(value)}`).join(', ')}`
}
