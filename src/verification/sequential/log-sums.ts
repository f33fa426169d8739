/** ln Σ exp(x): the logarithm of a sum whose terms are given as logarithms. It neither overflows nor loses the small terms. */
export function logSumExp(logs: readonly number[]): number {
  let highest = Number.NEGATIVE_INFINITY
  for (const log of logs) if (log > highest) highest = log
  if (highest === Number.NEGATIVE_INFINITY) return highest
  let sum = 0
  for (const log of logs) sum += Math.exp(log - highest)
  return highest + Math.log(sum)
}

/** ln(eᵃ + eᵇ). */
export function logAddExp(a: number, b: number): number {
  const highest = Math.max(a, b)
  return highest === Number.NEGATIVE_INFINITY ? highest : highest + Math.log1p(Math.exp(Math.min(a, b) - highest))
}
