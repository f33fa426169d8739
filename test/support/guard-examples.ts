import type { DeployGuard, DeployGuardRequest, GuardPart, GuardStanding } from '../../src/domain/deploy-guard.ts'

/** 28 November 2026, 13:40:00 UTC. */
export const BEGUN = Date.UTC(2026, 10, 28, 13, 40)

export const REQUEST: DeployGuardRequest = {
  target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
  by: 'ci-shop',
  options: { soak: 300_000, timeout: 600_000, baseline: 'concurrent', metrics: [], onFail: 'rollback', dryRun: false, pods: 'direct' },
  change: {}
}

export const VERSION: NonNullable<DeployGuard['version']> = {
  uid: 'u-1',
  identity: 'new',
  revision: 12,
  images: ['registry.example/api:1.4.2'],
  changedAt: BEGUN - 9_000,
  replaces: { identity: 'old', revision: 11, images: ['registry.example/api:1.4.1'] }
}

/** How the errors stand after so many blocks of 5 s. */
export function errorsPart(over: Partial<GuardPart> = {}): GuardPart {
  return {
    metric: 'http-error-ratio',
    name: 'errors',
    old: { requests: 9_000, bad: 11 },
    new: { requests: 3_000, bad: 4 },
    ratio: { estimate: 1.09, lower: 0.31, upper: 3.4 },
    tolerated: 'x1.2 + 0.05pp',
    evidenceToFail: 0.04,
    evidenceToPass: 0.6,
    ...over
  }
}

export function standing(over: Partial<GuardStanding> = {}): GuardStanding {
  return {
    kind: 'watching',
    awaits: 'about 1,200 more requests',
    baseline: 'concurrent',
    compared: 'with the pods of the old version, while both serve',
    seconds: 30,
    parts: [errorsPart()],
    notes: [],
    text: ['new 4 of 3,000 requests failed (0.13 %), old 11 of 9,000 (0.12 %)'],
    ...over
  }
}

/** A guard that has just begun and waits for the controller. */
export function begun(id: string, request: DeployGuardRequest = REQUEST): DeployGuard {
  return { id, ...request, createdAt: BEGUN, state: 'waiting', said: [], awaits: 'the controller to see the new version', nextAt: BEGUN }
}

/** What a watch says of itself before its first block. */
export const SAID = [
  'errors are counted by http_requests_total of the pods, read directly',
  'at this traffic five times the errors take about 1 minute to prove'
] as const

export const WATCHING = { state: 'watching', version: VERSION, said: SAID, standing: standing(), awaits: 'the soak of 5m' } as const

/** What a guard ends with, by its result. */
export const ENDS = {
  pass: {
    state: 'ended',
    standing: standing({
      kind: 'pass',
      seconds: 301,
      parts: [
        errorsPart({ new: { requests: 30_100, bad: 36 }, old: { requests: 31_000, bad: 40 }, proven: 'x1.5 + 0.2pp', evidenceToPass: 1 })
      ],
      text: ['pass: new 36 of 30,100 requests failed (0.12 %), old 40 of 31,000 (0.13 %)']
    }),
    result: 'pass',
    detail: 'proven to be within x1.5 + 0.2pp',
    endedAt: BEGUN + 301_000
  },
  unchanged: { state: 'ended', result: 'unchanged', detail: 'revision 12 runs since yesterday', endedAt: BEGUN },
  'rolled-back': {
    state: 'ended',
    standing: standing({
      kind: 'fail',
      seconds: 31,
      parts: [errorsPart({ new: { requests: 1_000, bad: 300 }, ratio: { estimate: 245, lower: 96 }, evidenceToFail: 1, evidenceToPass: 0 })]
    }),
    run: { id: 'run-1', state: 'ended', wrote: true, outcome: 'recovered', detail: 'undone to revision 11' },
    result: 'rolled-back',
    detail: 'errors are at least 96 times those of the old version',
    endedAt: BEGUN + 90_000
  },
  failed: {
    state: 'ended',
    standing: standing({ kind: 'fail', seconds: 31, parts: [errorsPart({ new: { requests: 1_000, bad: 300 }, evidenceToFail: 1 })] }),
    run: { id: 'run-1', state: 'ended', wrote: false, outcome: 'denied', reason: 'budget-used-up', detail: '3 writes within 24h' },
    result: 'failed',
    detail: 'errors are at least 96 times those of the old version',
    endedAt: BEGUN + 45_000
  },
  inconclusive: {
    state: 'ended',
    standing: standing({ kind: 'inconclusive', because: 'no-traffic', parts: [errorsPart({ new: { requests: 0, bad: 0 } })] }),
    result: 'inconclusive',
    detail: 'the new version got no requests',
    endedAt: BEGUN + 600_000
  },
  superseded: { state: 'ended', result: 'superseded', detail: 'revision 13 was rolled out at 13:42', endedAt: BEGUN + 120_000 },
  unreachable: { state: 'ended', result: 'unreachable', detail: 'the API server did not answer for 10m', endedAt: BEGUN + 600_000 },
  stopped: { state: 'ended', result: 'stopped', detail: 'stopped by ann', endedAt: BEGUN + 60_000 }
} as const satisfies Readonly<Record<string, Partial<DeployGuard>>>
