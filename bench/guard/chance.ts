import { randomGamma, randomGeometric, randomNormal, randomPoisson } from 'd3-random'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Draws of one cell: the same seed gives the same draws on every machine. */
export interface Chance {
  /** A uniform number from 0 up to 1. */
  uniform(): number
  /** Poisson of a mean that comes again and again: from a table of its distribution. */
  steady(mean: number): number
  /** Poisson of any mean. */
  poisson(mean: number): number
  /** A gamma multiplier with mean 1. */
  multiplier(coefficientOfVariation: number): number
  /** A log-normal multiplier with mean 1. */
  lasting(sigma: number): number
  /** The size of a cluster, at least 1. */
  cluster(mean: number): number
}

export function chanceOf(seed: number): Chance {
  const bits = xoroshiro128plus(seed)
  // The first numbers of neighbouring seeds are alike.
  for (let index = 0; index < 64; index += 1) bits.next()
  const uniform = (): number => ((bits.next() >>> 5) * 0x4000000 + (bits.next() >>> 6)) / 0x20000000000000
  const tables = new Map<number, Table>()
  const poisson = randomPoisson.source(uniform)
  const gamma = randomGamma.source(uniform)
  const normal = randomNormal.source(uniform)(0, 1)
  const geometric = randomGeometric.source(uniform)
  return {
    uniform,
    steady: mean => {
      if (mean <= 0) return 0
      let table = tables.get(mean)
      if (table === undefined) {
        table = tableOf(mean)
        tables.set(mean, table)
      }
      return look(table, uniform())
    },
    poisson: mean => (mean <= 0 ? 0 : poisson(mean)()),
    multiplier: variation => gamma(1 / variation ** 2, variation ** 2)(),
    lasting: sigma => Math.exp(sigma * normal() - (sigma * sigma) / 2),
    cluster: mean => geometric(1 / mean)()
  }
}

interface Table {
  readonly first: number
  /** The chance of `first + index` or less. */
  readonly cumulative: Float64Array
  /** Where to begin to look, for each of equal stretches of the chance. */
  readonly guide: Int32Array
}

/** The distribution itself, from its mode outwards: no approximation, up to chances that doubles don't tell from none. */
function tableOf(mean: number): Table {
  const reach = 12 * Math.sqrt(mean) + 40
  const mode = Math.floor(mean)
  const first = Math.max(0, Math.floor(mean - reach))
  const weights = new Float64Array(Math.ceil(mean + reach) - first + 1)
  weights[mode - first] = 1
  for (let value = mode; value > first; value -= 1) weights[value - 1 - first] = ((weights[value - first] ?? 0) * value) / mean
  for (let index = mode - first + 1; index < weights.length; index += 1)
    weights[index] = ((weights[index - 1] ?? 0) * mean) / (first + index)
  const all = weights.reduce((total, weight) => total + weight, 0)
  let sofar = 0
  const cumulative = weights.map(weight => {
    sofar += weight / all
    return sofar
  })
  cumulative[cumulative.length - 1] = 1
  const guide = new Int32Array(cumulative.length)
  let index = 0
  for (let stretch = 0; stretch < guide.length; stretch += 1) {
    while ((cumulative[index] ?? 1) <= stretch / guide.length) index += 1
    guide[stretch] = index
  }
  return { first, cumulative, guide }
}

function look({ first, cumulative, guide }: Table, chance: number): number {
  let index = guide[Math.floor(chance * guide.length)] ?? 0
  while ((cumulative[index] ?? 1) <= chance) index += 1
  return first + index
}
