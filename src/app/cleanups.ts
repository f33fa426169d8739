import type { Logger } from '../telemetry/logger.ts'

export type OnStop = (name: string, run: () => Promise<void> | void) => void

/** What was started, to be stopped in reverse order, also when the start fails half-way. One that fails does not keep the others. */
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
