/** A share as people read it: three significant digits, `0.05 %`; never an exponent. */
export function percent(share: number): string {
  const points = share * 100
  if (points === 0) return '0 %'
  return points < 0.001 ? 'less than 0.001 %' : `${Number(points.toPrecision(3))} %`
}

/** A number of requests: `12,340`. */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en')
}

/** Two significant digits for a count that is only an estimate: `1,200`. */
export function about(number: number): string {
  return Math.max(1, Number(number.toPrecision(2))).toLocaleString('en')
}

/** A stretch of time: `45 s`, `4 min`, `2.5 h`. */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Number((seconds / 3_600).toPrecision(2))} h` : `${Math.round(seconds / 86_400)} days`
}

/** A multiple: `×1.9`; beyond what is worth telling, `×1,000 and more`. */
export function times(ratio: number): string {
  return ratio >= 1_000 ? '×1,000 and more' : `×${Number(ratio.toPrecision(2))}`
}
