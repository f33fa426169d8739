/** Powers of ten below one, as thousandths of millionths: a quantity of Kubernetes has nothing smaller than a billionth. */
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }
/** More than any quantity can have, and few enough that nothing grows without end. */
const MOST_DIGITS = 40
const BILLION = 1_000_000_000n

/**
 * Parses a Kubernetes quantity exactly, in billionths; undefined for any other text. What is smaller counts as one billionth more, as
 * Kubernetes itself has it.
 */
export function billionthsOf(text: string): bigint | undefined {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]?))$/.exec(text)
  if (found === null) return undefined
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = found
  const digits = whole + fraction
  if (digits === '' || digits.length > MOST_DIGITS) return undefined
  const binary = BINARY[suffix]
  const power = binary !== undefined ? 0 : exponent === undefined ? DECIMAL[suffix] : Number(exponent.slice(1))
  if (power === undefined || Math.abs(power) > MOST_DIGITS) return undefined
  const scaled = BigInt(digits) * BILLION * (binary === undefined ? 1n : 1n << binary)
  const shift = power - fraction.length
  const amount = shift >= 0 ? scaled * 10n ** BigInt(shift) : dividedUp(scaled, 10n ** BigInt(-shift))
  return sign === '-' ? -amount : amount
}

/** The same as a number, for people. */
export function quantityOf(text: string): number | undefined {
  const billionths = billionthsOf(text)
  return billionths === undefined ? undefined : toNumber(billionths)
}

/** Billionths as a number. */
export function toNumber(billionths: bigint): number {
  return Number(billionths / BILLION) + Number(billionths % BILLION) / Number(BILLION)
}

function dividedUp(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by
}
