import { SECOND } from '../../base/clock.ts'
import type { Terminal } from '../terminal.ts'
import type { LiveBlock } from './live-block.ts'
import { type LogLine, newLines, standingLine } from './log-lines.ts'
import type { Told } from './told.ts'

/** What people read while they wait: a whole line for each change, and one now and then while nothing changes. */
export interface GuardLog {
  told(told: Told): void
  say(word: string, text: string): void
  /** Is called about every second. */
  tick(): void
  /** Nothing is live any more. */
  close(): void
}

/** The longest silence of the log, milliseconds: a job without output looks dead. */
const BEAT = 20 * SECOND
const WORD = 9

export function createGuardLog(parts: { readonly terminal: Terminal; readonly now: () => number; readonly live?: LiveBlock }): GuardLog {
  const { terminal, now, live } = parts
  let latest: Told | undefined
  let spokeAt = now()
  const line = ({ word, text }: LogLine): void => {
    spokeAt = now()
    live?.clear()
    terminal.line(`${terminal.dim(clockText(now()))} ${word.padEnd(WORD)} ${text}`)
  }
  const show = (): void => {
    if (live === undefined || latest === undefined) return
    const { word, text } = standingLine(latest)
    live.show(`${clockText(now())} ${word.padEnd(WORD)} ${text}`)
  }
  return {
    told(told) {
      for (const one of newLines(latest, told)) line(one)
      latest = told
      show()
    },
    say(word, text) {
      line({ word, text })
      show()
    },
    tick() {
      if (latest !== undefined && live === undefined && now() - spokeAt >= BEAT) line(standingLine(latest))
      show()
    },
    close: () => live?.clear()
  }
}

/** `13:40:22Z`. */
function clockText(instant: number): string {
  return `${new Date(instant).toISOString().slice(11, 19)}Z`
}
