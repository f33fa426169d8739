/**
 * Lets at most `width` pieces of work go on at a time. The others wait for their turn, in the order in which they came.
 * @returns a function that does one piece of work in its turn
 */
export function atMost(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let working = 0
  const waiting: (() => void)[] = []
  return async work => {
    if (working >= width) await new Promise<void>(resolve => waiting.push(resolve))
    else working += 1
    try {
      return await work()
    } finally {
      // The turn goes to the next one in the queue, or becomes free.
      const next = waiting.shift()
      if (next === undefined) working -= 1
      else next()
    }
  }
}
