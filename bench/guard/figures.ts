/** Wilson’s 95 % interval of a share, in which the true chance lies. */
export function wilson(hits: number, runs: number): { readonly lower: number; readonly upper: number } {
  const z = 1.959963985
  const share = hits / runs
  const middle = share + (z * z) / (2 * runs)
  const reach = z * Math.sqrt((share * (1 - share)) / runs + (z * z) / (4 * runs * runs))
  const scale = 1 + (z * z) / runs
  return { lower: Math.max(0, (middle - reach) / scale), upper: Math.min(1, (middle + reach) / scale) }
}

/** A share in percent: `0`, `0.25`, `12`. */
export function percent(share: number): string {
  const points = 100 * share
  if (points === 0) return '0'
  return points < 10 ? points.toFixed(2) : points.toFixed(0)
}

/** A delay that the share `part` of all runs does not exceed, `–` where fewer than that were found. */
export function quantile(delays: readonly number[], runs: number, part: number): string {
  const delay = delays[Math.ceil(part * runs) - 1]
  return delay === undefined ? '–' : String(delay)
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(line => `| ${line.join(' | ')} |`).join('\n')
}
