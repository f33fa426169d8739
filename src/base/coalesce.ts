/**
 * Asks one question at a time. Callers that come while a question is under way share the next one. So the answer that a caller
 * gets is never older than its call.
 */
export function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined
  const start = (): Promise<T> => {
    running = ask().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
}

/** {@link shared} for many questions, each with its key. Nothing is kept of a question that nobody asks. */
export function sharedFreshByKey<T>(): (key: string, ask: () => Promise<T>) => Promise<T> {
  const asked = new Map<string, { readonly ask: () => Promise<T>; callers: number }>()
  return async (key, ask) => {
    const one = asked.get(key) ?? { ask: shared(ask), callers: 0 }
    asked.set(key, one)
    one.callers += 1
    try {
      return await one.ask()
    } finally {
      one.callers -= 1
      if (one.callers === 0) asked.delete(key)
    }
  }
}

/** Lets callers that ask the same while it is being asked share the answer. */
export function sharedByKey<T>(): (key: string, ask: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<T>>()
  return (key, ask) => {
    const found = running.get(key)
    if (found !== undefined) return found
    const asked = ask().finally(() => running.delete(key))
    running.set(key, asked)
    return asked
  }
}

/** Waits for what others may be waiting for too. An abort ends only this caller's wait. @throws the signal's reason */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
