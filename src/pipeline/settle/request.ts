import { startedEntry } from '../../domain/new-run.ts'
import type { AskedRun } from '../../domain/ports/ledger.ts'
import type { RunRequest } from '../../domain/run.ts'
import { requestKey } from '../../domain/trigger.ts'
import { requestedRun } from '../decide/requested-run.ts'
import type { Ports } from '../ports.ts'

/** Begins a run that somebody asked for. While the run of an equal request is not over, it answers with that run. */
export async function requestRun(ports: Ports, { policy, trigger }: RunRequest): Promise<AskedRun> {
  const run = requestedRun({ id: ports.ids.next(), kind: 'live', policy, trigger, ceiling: ports.ceiling })
  return ports.ledger.begin(run, requestKey(policy.name, trigger), [startedEntry(run)])
}
