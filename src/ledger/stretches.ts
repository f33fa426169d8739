import { setImmediate as breathe } from 'node:timers/promises'
import { slices } from './rows.ts'

/** So many rows are handled before others have their turn: some milliseconds of work. */
const STRETCH = 200

/** Handles many rows in stretches, in order. Between two of them requests are answered, and other runs go on. */
export async function inStretches<T>(items: readonly T[], work: (some: readonly T[]) => Promise<void>): Promise<void> {
  for (const [index, some] of slices(items, STRETCH).entries()) {
    if (index > 0) await breathe()
    await work(some)
  }
}
