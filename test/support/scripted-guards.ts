import { EventEmitter, once } from 'node:events'
import type { DeployGuard, DeployGuardRequest } from '../../src/domain/deploy-guard.ts'
import type { DeployGuards, StartedGuard } from '../../src/domain/ports/deploy-guards.ts'
import { BEGUN, begun } from './guard-examples.ts'

/** What a guard becomes; several in a row are played one after the other, each when somebody has seen the one before. */
export type Scene = Partial<DeployGuard>

export interface ScriptedGuards extends DeployGuards {
  /** Everything that was asked for. */
  readonly requests: readonly DeployGuardRequest[]
  /** Moves a guard on by hand. */
  become(id: string, scene: Scene): DeployGuard
  /** How many wait for a change now. */
  waiting(): number
  /** Resolves as soon as so many wait. */
  untilWaiting(count: number): Promise<void>
}

export interface Script {
  /** Played by itself: a scene follows as soon as somebody waits for it. */
  readonly scenes?: readonly Scene[]
  /** How a start is answered instead. */
  readonly start?: (request: DeployGuardRequest) => StartedGuard | undefined
}

/** Guards in memory that play what a test wrote. One target has one guard, which a second request attaches to. */
export function scriptedGuards({ scenes = [], start }: Script = {}): ScriptedGuards {
  const guards = new Map<string, DeployGuard>()
  const requests: DeployGuardRequest[] = []
  const events = new EventEmitter().setMaxListeners(0)
  const played = new Map<string, number>()
  let waiting = 0
  const become = (id: string, scene: Scene): DeployGuard => {
    const guard = { ...known(id), ...scene }
    guards.set(id, guard)
    events.emit('changed')
    return guard
  }
  const known = (id: string): DeployGuard => {
    const guard = guards.get(id)
    if (guard === undefined) throw new Error(`no guard ${id}`)
    return guard
  }
  return {
    requests,
    become,
    waiting: () => waiting,
    async untilWaiting(count) {
      while (waiting !== count) await once(events, 'waiting')
    },
    async start(request) {
      requests.push(request)
      const answer = start?.(request)
      if (answer !== undefined) return answer
      const there = [...guards.values()].find(guard => guard.target.name === request.target.name)
      if (there !== undefined) return { kind: 'attached', guard: there }
      const id = `g-${guards.size + 1}`
      guards.set(id, begun(id, request))
      return { kind: 'started', guard: known(id) }
    },
    guard: async id => guards.get(id),
    async guards({ limit, before }) {
      const newest = [...guards.values()].reverse()
      const from = before === undefined ? 0 : newest.findIndex(guard => guard.id === before) + 1
      return newest.slice(from, from + limit)
    },
    async stop(id, by) {
      if (!guards.has(id)) return undefined
      return become(id, { state: 'ended', result: 'stopped', detail: `stopped by ${by}`, endedAt: BEGUN + 60_000 })
    },
    async changed(seen, signal) {
      waiting += 1
      events.emit('waiting')
      const aborted = (): boolean => events.emit('changed')
      signal.addEventListener('abort', aborted, { once: true })
      try {
        while (known(seen.id) === seen && !signal.aborted) {
          const next = scenes[played.get(seen.id) ?? 0]
          if (next === undefined) await once(events, 'changed')
          else {
            played.set(seen.id, (played.get(seen.id) ?? 0) + 1)
            become(seen.id, next)
          }
        }
        return known(seen.id)
      } finally {
        signal.removeEventListener('abort', aborted)
        waiting -= 1
        events.emit('waiting')
      }
    }
  }
}
