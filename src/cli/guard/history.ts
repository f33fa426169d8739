import { sparkline, worstPart } from './figures.ts'
import type { Told, ToldTally } from './told.ts'

/** How the shares of bad requests went, for a picture of two lines. */
export interface History {
  add(told: Told): void
  /** Undefined where nothing was counted. */
  lines(): { readonly part: string; readonly old: string; readonly new: string; readonly highest: number } | undefined
}

interface Point {
  readonly part: string
  readonly seconds: number
  readonly old: ToldTally
  readonly new: ToldTally
}

/** Cells of a picture: what fits on a page without a break. */
const CELLS = 60
/** More than a watch of four hours has. */
const POINTS = 3_000

export function createHistory(): History {
  const points: Point[] = []
  return {
    add({ standing }) {
      if (standing === undefined) return
      const newest = points.at(-1)
      if (points.length >= POINTS || (newest !== undefined && standing.seconds <= newest.seconds)) return
      const part = standing.parts.find(one => one.name === newest?.part) ?? worstPart(standing.parts)
      if (part !== undefined) points.push({ part: part.name, seconds: standing.seconds, old: part.old, new: part.new })
    },
    lines() {
      const last = points.at(-1)
      if (last === undefined) return undefined
      const cells = spread(points)
      const shares = { old: sharesOf(cells, 'old'), new: sharesOf(cells, 'new') }
      const highest = Math.max(0, ...[...shares.old, ...shares.new].filter(value => value !== undefined))
      return { part: last.part, old: sparkline(shares.old, highest), new: sparkline(shares.new, highest), highest }
    }
  }
}

/** At most so many points, evenly spread; counts add up over those that are left out. */
function spread(points: readonly Point[]): readonly Point[] {
  if (points.length <= CELLS) return points
  return Array.from({ length: CELLS }, (_, index) => points[Math.floor(((index + 1) * points.length) / CELLS) - 1]).filter(
    point => point !== undefined
  )
}

/** The share of bad requests between each point and the one before. */
function sharesOf(points: readonly Point[], arm: 'old' | 'new'): readonly (number | undefined)[] {
  let before: ToldTally = { requests: 0, bad: 0 }
  return points.map(point => {
    const requests = point[arm].requests - before.requests
    const bad = point[arm].bad - before.bad
    before = point[arm]
    return requests > 0 && bad >= 0 ? Math.min(1, bad / requests) : undefined
  })
}
