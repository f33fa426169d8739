/** SIGINT and SIGTERM, caught: the first one ends the work in order, a second one ends the process at once. */
export interface Caught {
  /** Is aborted by the first of them. */
  readonly signal: AbortSignal
  /** Which one it was. */
  which(): 'SIGINT' | 'SIGTERM'
  release(): void
}

/** Begins to catch them. */
export function catchSignals(): Caught {
  const caught = new AbortController()
  let which: 'SIGINT' | 'SIGTERM' = 'SIGTERM'
  const handlers = (['SIGINT', 'SIGTERM'] as const).map(name => {
    const handler = (): void => {
      which = name
      release()
      caught.abort()
    }
    process.once(name, handler)
    return [name, handler] as const
  })
  const release = (): void => {
    for (const [name, handler] of handlers) process.off(name, handler)
  }
  return { signal: caught.signal, which: () => which, release }
}
