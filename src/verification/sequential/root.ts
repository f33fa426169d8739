/** Enough halvings for any interval of doubles to shrink to two neighbours. */
const HALVINGS = 200

/**
 * The root of a function that rises through zero between `low` and `high`. Bisection: the answer lies within one unit in the last
 * place of the true crossing of the function as computed. A crossing outside of the interval gives its nearer end.
 */
export function risingRoot(rises: (x: number) => number, low: number, high: number): number {
  let below = low
  let above = high
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = below + (above - below) / 2
    if (middle <= below || middle >= above) break
    if (rises(middle) < 0) below = middle
    else above = middle
  }
  return below + (above - below) / 2
}
