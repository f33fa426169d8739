import { lookingAtTotals, type Rule } from './rule.ts'

/** ln Γ(x), by Stirling’s series from 10 on and by the recurrence below. */
export function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x)
  const inverse = 1 / (x * x)
  return (
    (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x
  )
}

const logBeta = (values: readonly number[]): number =>
  values.reduce((all, value) => all + logGamma(value), 0) - logGamma(values.reduce((all, value) => all + value, 0))

/** Lindon and Malek’s posterior odds, as a logarithm: `counts` fell into groups whose shares should be `shares`; k is the concentration. */
export function multinomialOdds(counts: readonly number[], shares: readonly number[], k: number): number {
  const prior = shares.map(share => k * share)
  const posterior = prior.map((value, group) => value + (counts[group] ?? 0))
  return logBeta(posterior) - logBeta(prior) - counts.reduce((all, count, group) => all + count * Math.log(shares[group] ?? 0), 0)
}

/** Howard and Ramdas’ radius of an empirical distribution that holds at all times. */
export function uniformRadius(n: number, alpha: number): number {
  return 0.85 * Math.sqrt((Math.log(Math.log(Math.E * n)) + 0.8 * Math.log(1612 / alpha)) / n)
}

/** Lindon and Malek’s test on the errors, with the share of traffic that is seen; it rejects a version that is better as well, which is left out. */
export function multinomial(alpha: number, everySeconds: number): Rule {
  return lookingAtTotals(everySeconds, ({ oldAll, oldBad, newAll, newBad }) => {
    const share = newAll / (oldAll + newAll)
    const worse = newBad / newAll > oldBad / oldAll
    return worse && multinomialOdds([newBad, oldBad], [share, 1 - share], 100) >= Math.log(1 / alpha)
  })
}
