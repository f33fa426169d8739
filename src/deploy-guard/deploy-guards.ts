import { canonicalJson } from '../base/json.ts'
import { audited } from '../domain/audited.ts'
import type { DeployGuard } from '../domain/deploy-guard.ts'
import type { DeployGuards } from '../domain/ports/deploy-guards.ts'
import { beginGuard } from './begin.ts'
import type { GuardPorts } from './ports.ts'

/** How often a guard that somebody follows is read. */
const FOLLOW_MS = 500

/** Starts, shows and stops deploy guards. @param begun is called when one was begun */
export function createDeployGuards(ports: GuardPorts, begun: () => void): DeployGuards {
  const { ledger, clock, meter } = ports
  return {
    async start(request, signal) {
      const started = await beginGuard(ports, request, signal)
      if (started.kind === 'started') begun()
      if (started.kind === 'started' && started.guard.result !== undefined) meter?.ended(started.guard.result)
      return started
    },
    guard: id => ledger.guard(id),
    guards: ({ limit, before }) => ledger.guards(limit, before),
    async stop(id, by) {
      const guard = await ledger.guard(id)
      if (guard === undefined) return undefined
      const now = clock.now()
      const detail = `${by} stopped it`
      const entry = audited.guardEnded(
        { at: now },
        { guard: id, target: guard.target, result: 'stopped', detail, grounds: guard.standing?.text ?? [] }
      )
      const stopped = await ledger.stopGuard(id, { detail, endedAt: now }, [entry])
      if (guard.state !== 'ended' && stopped?.result === 'stopped') meter?.ended('stopped')
      return stopped
    },
    async changed(seen, signal) {
      const before = told(seen)
      let last = seen
      while (!signal.aborted) {
        last = (await ledger.guard(seen.id)) ?? last
        if (told(last) !== before) return last
        await clock.sleep(FOLLOW_MS, signal).catch(() => {})
      }
      return last
    }
  }
}

/** What a change must show in: not in when the next look is. */
function told({ nextAt: _next, ...guard }: DeployGuard): string {
  return canonicalJson(guard)
}
