import { MINUTE } from '../base/clock.ts'
import type { DeployGuard } from '../domain/deploy-guard.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import type { AskNumber } from '../verification/series/one-number.ts'
import type { ProxyNumbers } from '../verification/series/proxy-numbers.ts'

/** Where one guard's numbers come from. A source remembers how this guard's pods are read. */
export interface Numbers {
  /** In the order in which they are asked. */
  readonly sources: readonly NumberSource[]
  /** What proxies count; absent without a Prometheus. */
  readonly proxies?: ProxyNumbers
  /** A query’s one number; absent without a Prometheus. */
  readonly number?: AskNumber
  close(): void
}

/** The source of that name. Undefined where it is not configured any more. */
export function sourceNamed({ sources, proxies }: Numbers, name: string): Pick<NumberSource, 'name' | 'scrapes'> | undefined {
  return proxies?.name === name ? proxies : sources.find(source => source.name === name)
}

/** The sources of each guard that this process works on: they remember how its pods are read, and some go on reading between two looks. */
export interface Sessions {
  of(guard: Pick<DeployGuard, 'id' | 'options'>): Numbers
  end(id: string): void
  /** Ends what nobody used for long: another process works on it by now. */
  sweep(): void
  endAll(): void
}

/** The longest block is five minutes. */
const UNUSED_MS = 11 * MINUTE

/** Keeps one set of sources for each guard. */
export function createSessions(open: (guard: Pick<DeployGuard, 'id' | 'options'>) => Numbers, now: () => number): Sessions {
  const sessions = new Map<string, { readonly numbers: Numbers; usedAt: number }>()
  function end(id: string): void {
    sessions.get(id)?.numbers.close()
    sessions.delete(id)
  }
  return {
    of(guard) {
      const known = sessions.get(guard.id)
      if (known !== undefined) {
        known.usedAt = now()
        return known.numbers
      }
      const numbers = open(guard)
      sessions.set(guard.id, { numbers, usedAt: now() })
      return numbers
    },
    end,
    sweep() {
      for (const [id, { usedAt }] of sessions) if (now() - usedAt > UNUSED_MS) end(id)
    },
    endAll() {
      for (const id of [...sessions.keys()]) end(id)
    }
  }
}
