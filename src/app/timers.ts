import type { OnStop } from './cleanups.ts'

/** Does the work at once, and then not again for a time. All calls during that time are answered by one more round at its end. */
export function atMostEvery(ms: number, work: () => void): () => void {
  let resting = false
  let asked = false
  const turn = (): void => {
    asked = false
    resting = true
    work()
    setTimeout(() => {
      resting = false
      if (asked) turn()
    }, ms).unref()
  }
  return () => {
    asked = true
    if (!resting) turn()
  }
}

/** Does the work again and again until Astern stops. The timer alone does not keep the process running. */
export function every(ms: number, work: () => Promise<void>, onStop: OnStop, name: string): void {
  const timer = setInterval(() => void work(), ms)
  timer.unref()
  onStop(name, () => clearInterval(timer))
}

/** Does the work, and tells of a failure once: again only after it has worked meanwhile. */
export function failingOnce(work: () => Promise<void>, failed: (cause: unknown) => void): () => Promise<void> {
  let told = false
  return async () => {
    try {
      await work()
      told = false
    } catch (cause) {
      if (!told) failed(cause)
      told = true
    }
  }
}
