import type { AuditEntry } from '../domain/audit.ts'
import { changeOf, releaseChangeOf } from '../domain/change.ts'
import type { TraceEntry } from '../domain/dry-run.ts'
import type { Write } from '../domain/plan.ts'
import type { Run } from '../domain/run.ts'
import type { Planned } from './plan.ts'
import type { Ports } from './ports.ts'

/** What people are told of a plan: the write, the numbers, the change that it blames. */
export function planFacts(planned: Planned): Readonly<Record<string, unknown>> {
  const { plan, samples, serverDryRun, guardInput } = planned
  return {
    plan: {
      hash: plan.hash,
      summary: plan.summary,
      reverse: plan.reverse,
      write: toldWrite(plan.write),
      ...plan.facts
    },
    samples,
    serverDryRun,
    symptom: guardInput.symptom,
    ...changesOf(planned)
  }
}

/** What changed and when: the evidence that ties the symptom to it. */
function changesOf({ workload, guardInput }: Planned): Readonly<Record<string, unknown>> {
  const { observed, markers } = guardInput.facts
  const release = releaseChangeOf(workload)
  return {
    change: changeOf(
      workload,
      observed,
      markers.map(marker => marker.at + guardInput.clusterOffset)
    ),
    ...(release === undefined ? {} : { releaseChange: release, release: workload.release }),
    ...(markers.length === 0 ? {} : { markers: markers.slice(0, 5) })
  }
}

/** A write as people read it in a decision: of a patch, what it changes. The intent's own row has it whole. */
function toldWrite({ operations, mark: _, ...write }: Write): Readonly<Record<string, unknown>> {
  if (operations === undefined) return write
  const changes = operations.filter(operation => operation.op !== 'test')
  return { ...write, operations: changes.map(({ op, path }) => ({ op, path })) }
}

export function decision(ports: Ports, run: Run, body: Readonly<Record<string, unknown>>, trace: readonly TraceEntry[]): AuditEntry {
  return {
    at: ports.clock.now(),
    kind: 'decision',
    runId: run.id,
    incidentId: run.incident.id,
    body: { step: run.step, action: run.policy.steps[run.step]?.action, ...body, stages: trace.map(({ stage, ms }) => ({ stage, ms })) }
  }
}
