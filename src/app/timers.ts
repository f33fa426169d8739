import type { OnStop } from './cleanups.ts'

/** Works at once, and then not again before so long: what is asked for meanwhile is done together at the end of it. */
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

/** Works again and again until Astern stops. Keeps no process alive. */
export function every(ms: number, work: () => Promise<void>, onStop: OnStop, name: string): void {
  const timer = setInterval(() => void work(), ms)
  timer.unref()
  onStop(name, () => clearInterval(timer))
}
