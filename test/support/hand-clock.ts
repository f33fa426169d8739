import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { Clock } from '../../src/base/clock.ts'
import { NOON } from './workloads.ts'

interface Sleeper {
  readonly at: number
  readonly resolve: () => void
}

/** A clock that a test moves by hand: who sleeps wakes when it is time, and not before. */
export class HandClock implements Clock {
  #now = NOON
  #sleepers: Sleeper[] = []
  readonly #busy: () => boolean

  /** @param busy whether something is under way that does not wait for this clock, such as a call of the ledger */
  constructor(busy: () => boolean = () => false) {
    this.#busy = busy
  }

  now = (): number => this.#now

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const sleeper = { at: this.#now + ms, resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter(other => other !== sleeper)
          reject(signal.reason)
        },
        { once: true }
      )
    })

  /** Lets the time pass; whoever wakes meanwhile gets to run before it goes on. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#settle()
    for (;;) {
      const next = this.#sleepers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0]
      if (next === undefined) break
      this.#sleepers = this.#sleepers.filter(other => other !== next)
      this.#now = Math.max(this.#now, next.at)
      next.resolve()
      await this.#settle()
    }
    this.#now = end
    await this.#settle()
  }

  /** Lets everything run that does not wait for the clock. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < 20 || this.#busy(); turn += 1) await letOthersRun()
  }
}
