import type { Logger } from '../telemetry/logger.ts'

export type OnStop = (name: string, run: () => Promise<void> | void) => void

/** Stops what was started, in reverse order, also where the start fails half-way. A failure of one does not keep the others running. */
export function createCleanups(logger: Logger): { readonly onStop: OnStop; undo(): Promise<void> } {
  const cleanups: { readonly name: string; readonly run: () => Promise<void> | void }[] = []
  return {
    onStop: (name, run) => cleanups.push({ name, run }),
    async undo() {
      for (const { name, run } of cleanups.splice(0).reverse()) {
        try {
          await run()
        } catch (cause) {
          logger.error({ err: cause, part: name }, 'stopping a part failed')
        }
      }
    }
  }
}
