import type { AuditEntry } from '../domain/audit.ts'
import type { DeployGuard, DeployGuardOptions } from '../domain/deploy-guard.ts'
import { toleratedUnder } from '../domain/guard-entries.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import { startWatch, watchLook } from '../verification/sequential/judge.ts'
import { DEFAULTS } from '../verification/sequential/settings.ts'
import { learnedParts } from './learned.ts'
import { lookFor, nextLook } from './looks.ts'
import type { GuardMemory, Remembered } from './memory.ts'
import { type GuardPorts, metricsOf } from './ports.ts'
import { prepareWatch } from './prepare-watch.ts'
import { overQuota } from './series-quota.ts'
import { type Numbers, sourceNamed } from './sessions.ts'
import { judgesEntry } from './wait.ts'

/** Blocks that one look takes up: a guard that begins late, or was away, has to catch up. */
const BLOCKS_AT_ONCE = 60

interface Pods extends Remembered {
  readonly pods: readonly GuardedPod[]
  /** When the pods were read, Astern's clock. */
  readonly now: number
}

/** What the guard was asked to do, where its entry allows less than the judge usually tolerates, with as much as that. */
function bounded({ entry, options }: DeployGuard): DeployGuardOptions {
  const tolerated = entry === undefined ? options.tolerated : toleratedUnder(entry, options.tolerated, DEFAULTS.tolerated)
  return tolerated === undefined ? options : { ...options, tolerated }
}

/** Fixes everything that the watch rests on, as soon as something can be counted. */
export async function prepared(
  ports: GuardPorts,
  { sources, proxies }: Numbers,
  { guard, memory, pods, now }: Pods,
  signal: AbortSignal
): Promise<Remembered & { readonly audit: readonly AuditEntry[] }> {
  const { version, target } = guard
  if (memory.watching !== undefined || memory.cannot !== undefined || version === undefined) return { guard, memory, audit: [] }
  const learned = await learnedParts(ports, target)
  const asked = metricsOf(ports, guard)
  const found = await prepareWatch({ target, version, options: bounded(guard), pods, sources, proxies, asked, learned, now }, signal)
  switch (found.kind) {
    case 'not-yet':
      return { guard: { ...guard, awaits: found.awaits }, memory, audit: [] }
    case 'cannot': {
      const why = `${found.detail}: ${found.remedy}`
      return { guard: { ...guard, said: [...guard.said, why] }, memory: { ...memory, cannot: why }, audit: [] }
    }
    case 'ready': {
      const { watch } = found
      const told = { ...guard, said: [...guard.said, ...watch.settings.said] }
      const counting = { guard: told, memory: { ...memory, watching: { watch, state: startWatch(watch.settings) } } }
      return { ...counting, audit: [judgesEntry(counting, told.said, now)] }
    }
  }
}

/** Takes up every block that is over by now, one look each, in their order. */
export async function countBlocks(
  ports: GuardPorts,
  numbers: Numbers,
  { guard, memory, pods, now }: Pods,
  signal: AbortSignal
): Promise<Remembered> {
  const { watching } = memory
  if (watching === undefined) return { guard, memory }
  const { watch } = watching
  let { state } = watching
  const source = sourceNamed(numbers, watch.source)
  for (let looks = 0; looks < BLOCKS_AT_ONCE && state.decision === undefined && !signal.aborted; looks += 1) {
    const { to } = nextLook(watch, state.counting, now)
    if (to + watch.lagMs > now) break
    // A source that is not configured any more is away: the judge is told so, and neither passes nor fails by it.
    const made = source === undefined ? undefined : await lookFor({ watch, source, counting: state.counting, pods, to }, signal)
    state = watchLook(watch.settings, state, made?.look ?? { at: to, pods, scrapes: [] })
    ports.faults.reach('guard-counted')
    const tooMuch = state.decision === undefined ? overQuota(state.counting) : undefined
    if (tooMuch !== undefined) return { guard, memory: { ...withoutWatching(memory), tooMuch } }
  }
  return { guard, memory: { ...memory, watching: { watch, state } } }
}

function withoutWatching({ watching: _much, ...rest }: GuardMemory): GuardMemory {
  return rest
}
