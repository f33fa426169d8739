// How lines are kept fair. Each source has a line of its own, and lines are served one after the other. Within a line each target has
// a lane, and the turns of the lanes alternate: whoever adds two thousand to a lane gets the turns up to two thousand in that lane, and
// everybody else's next one still gets the next turn.

/** The lines: runs that are due, and incidents that wait for admission. */
export const LINES = ['runs', 'admission'] as const
export type Line = (typeof LINES)[number]

/** A lane of a line. Whatever has no target shares one lane. */
export interface Lane {
  readonly source: string
  readonly target: string | null
}

/** The key of a lane. A source's name may hold anything but a line break. */
export function laneKey({ source, target }: Lane): string {
  return `${source}\n${target ?? ''}`
}

/**
 * Gives newcomers their turns: each the one after its lane's last, and none before the turn that its line serves now. Pure.
 * @param last the last turn that is taken in each lane that has any
 * @param served the turn that each source's line served last
 */
export function turnsOf(
  newcomers: readonly Lane[],
  last: ReadonlyMap<string, number>,
  served: ReadonlyMap<string, number>
): readonly number[] {
  const taken = new Map(last)
  return newcomers.map(lane => {
    const key = laneKey(lane)
    const turn = Math.max(taken.get(key) ?? 0, served.get(lane.source) ?? 0) + 1
    taken.set(key, turn)
    return turn
  })
}

/** Takes the first of each line, then the second of each, until there are enough. Pure. @param lines whoever is to be served first comes first */
export function alternate<T>(lines: readonly (readonly T[])[], limit: number): readonly T[] {
  const taken: T[] = []
  const longest = Math.max(0, ...lines.map(line => line.length))
  for (let place = 0; place < longest; place += 1)
    for (const line of lines) {
      if (taken.length >= limit) return taken
      const next = line[place]
      if (next !== undefined) taken.push(next)
    }
  return taken
}
