export type ParsedObjective = { readonly kind: 'objective'; readonly share: number } | { readonly kind: 'wrong'; readonly problem: string }

/** An objective that allows every second request to be bad is surely the availability, written where the share of bad ones belongs. */
const HIGHEST_SHARE = 0.5

const wrong = (problem: string): ParsedObjective => ({ kind: 'wrong', problem })

/** Parses the share of requests that may be bad, as people write it: `0.1%`, or `0.001`. */
export function parseObjective(text: string): ParsedObjective {
  const found = /^(?<number>\d{1,3}(?:\.\d{1,9})?)(?<percent>%)?$/.exec(text)?.groups
  if (found === undefined)
    return wrong(`${JSON.stringify(text.slice(0, 40))} is no objective: write how many requests may be bad, such as "0.1%" or "0.001"`)
  // Twelve digits: a hundredth of 0.07 is not quite 0.0007 in doubles.
  const share = Number((Number(found['number']) / (found['percent'] === undefined ? 1 : 100)).toPrecision(12))
  if (share <= 0) return wrong('an objective of 0 would be missed by one bad request: write how many may be bad, such as "0.1%"')
  if (share >= HIGHEST_SHARE)
    return wrong(`an objective of ${text} would allow so many requests to be bad; an availability of 99.9% is the objective "0.1%"`)
  return { kind: 'objective', share }
}

/** The text that `parseObjective` reads back. */
export function formatObjective(share: number): string {
  return `${Number((share * 100).toPrecision(12))}%`
}
