import { SECOND } from '../base/clock.ts'
import type { DeployGuard } from '../domain/deploy-guard.ts'
import type { GuardEvidence, GuardVerdict } from '../domain/ports/guard-evidence.ts'
import type { Refusal } from '../domain/reasons.ts'
import { combine, FRESH_MS, type QuerySample, type Sample } from '../domain/verdict.ts'
import { failFast } from './fail-fast.ts'
import { type GuardMemory, memoryOf } from './memory.ts'
import { rememberPods } from './pod-memory.ts'
import type { GuardPorts } from './ports.ts'
import { type ServedPart, servedIn } from './served.ts'

type Asking = Pick<GuardPorts, 'ledger' | 'cluster' | 'sessions'>

/** What the run of a guard asks: the guard's verdict, and how the target does once it was taken back. */
export function createGuardEvidence(ports: Asking): GuardEvidence {
  return {
    async verdict(id, workload, at, signal) {
      const guard = await ports.ledger.guard(id)
      const memory = memoryOf(await ports.ledger.guardMemory(id))
      if (guard?.version === undefined) return gone({ reason: 'symptom-not-confirmed', detail: `guard ${id} is not known any more` })
      const { version } = guard
      if (workload.uid !== version.uid || workload.identity !== version.identity)
        return gone({ reason: 'changed-since-symptom', detail: 'the target has another version than the one that the guard judged' })
      const measuredAt = memory.failedAt
      if (measuredAt === undefined) return gone({ reason: 'symptom-not-confirmed', detail: `guard ${id} found no failure` })
      const refusal = at - measuredAt > FRESH_MS ? await passedMeanwhile(ports, guard, memory, { at, signal }) : undefined
      if (refusal !== undefined) return gone(refusal)
      const queries = failingParts(guard, measuredAt)
      return {
        kind: 'stands',
        sample: { time: measuredAt, verdict: 'fail', queries },
        symptom: {
          since: version.changedAt,
          orBefore: false,
          resolution: (memory.watching?.watch.settings.counting.blockSeconds ?? 0) * SECOND,
          queries: queries.map(({ query }) => query),
          measuredAt
        },
        changedAt: version.changedAt
      }
    },

    async recovery(id, block, signal) {
      const guard = await ports.ledger.guard(id)
      const memory = memoryOf(await ports.ledger.guardMemory(id))
      if (guard?.version === undefined) return unknown(block.to, 'the guard is not known any more')
      const numbers = ports.sessions.of(guard)
      const served = await servedIn(ports, { guard, memory, numbers, version: 'old' }, block, signal)
      return served.kind === 'unknown' ? unknown(block.to, served.detail) : sampleOf(served.parts, block.to)
    }
  }
}

function gone(refusal: Refusal): GuardVerdict {
  return { kind: 'gone', refusal }
}

/** The reason to wait, where the new version does not fail right now: nothing is written because of what is over. */
async function passedMeanwhile(
  ports: Asking,
  guard: DeployGuard,
  memory: GuardMemory,
  { at, signal }: { readonly at: number; readonly signal: AbortSignal }
): Promise<Refusal | undefined> {
  const { version, target } = guard
  if (version === undefined) return undefined
  const { identity, changedAt } = version
  if (guard.failing !== undefined) {
    const looked = await ports.cluster.look(target, identity, signal)
    if (looked.kind !== 'found')
      return { reason: looked.kind === 'not-found' ? 'target-not-found' : 'cluster-unreachable', detail: looked.detail }
    const { pods } = rememberPods(memory.pods, { at, pods: looked.pods })
    const { finding } = failFast(memory.failures, { at, workload: looked.workload, pods, identity, changedAt })
    if (finding.kind === 'failing') return undefined
    return { reason: 'symptom-not-confirmed', detail: finding.kind === 'nothing' ? 'its pods fail no more' : finding.text }
  }
  const seconds = memory.watching?.watch.settings.counting.blockSeconds ?? 0
  const numbers = ports.sessions.of(guard)
  const block = { from: at - seconds * SECOND, to: at }
  const served = await servedIn(ports, { guard, memory, numbers, version: 'new' }, block, signal)
  if (served.kind === 'unknown') return { reason: 'inconclusive', detail: served.detail }
  const sample = sampleOf(served.parts, at)
  if (served.parts.some(({ verdict }) => verdict === 'fail')) return undefined
  const detail = sample.queries.map(({ query, detail: told, value }) => `${query}: ${told ?? value ?? ''}`).join('; ')
  return { reason: sample.verdict === 'pass' ? 'symptom-not-confirmed' : 'inconclusive', detail, facts: { sample } }
}

/** What failed, as samples: the parts with evidence, or what Kubernetes shows. */
function failingParts({ standing, failing }: DeployGuard, time: number): readonly QuerySample[] {
  const base = { promql: '', time, verdict: 'fail', tookMs: 0 } as const satisfies Partial<QuerySample>
  if (failing !== undefined) return [{ ...base, query: 'Kubernetes', detail: failing }]
  const parts = standing?.parts ?? []
  const worst = parts.filter(({ evidenceToFail }) => evidenceToFail > 0)
  return (worst.length > 0 ? worst : parts).map(part => ({
    ...base,
    query: part.name,
    value: part.new.requests === 0 ? 0 : part.new.bad / part.new.requests,
    traffic: part.new.requests
  }))
}

function unknown(time: number, detail: string): Sample {
  return {
    time,
    verdict: 'inconclusive',
    problem: 'no-data',
    queries: [{ query: 'deploy guard', promql: '', time, verdict: 'inconclusive', problem: 'no-data', detail, tookMs: 0 }]
  }
}

function sampleOf(parts: readonly ServedPart[], time: number): Sample {
  const queries = parts.map(
    ({ name, metric, verdict, requests, bad, limit }): QuerySample => ({
      query: name,
      promql: metric,
      time,
      verdict,
      ...(requests === 0 ? { problem: 'low-traffic' as const } : { value: bad / requests }),
      traffic: requests,
      detail: `${bad} of ${requests}, tolerated up to ${(limit * 100).toPrecision(3)} %`,
      tookMs: 0
    })
  )
  return { time, ...combine(queries), queries }
}
