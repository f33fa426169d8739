import { MINUTE } from '../../src/base/clock.ts'
import type { DeployGuard, DeployGuardOptions, GuardPolicy } from '../../src/domain/deploy-guard.ts'
import { NOON, TARGET } from './workloads.ts'

export const GUARD_OPTIONS: DeployGuardOptions = {
  soak: 5 * MINUTE,
  timeout: 10 * MINUTE,
  baseline: 'concurrent',
  metrics: [],
  onFail: 'rollback',
  dryRun: false,
  pods: 'direct'
}

export function guardPolicyOf(more: Partial<GuardPolicy> = {}): GuardPolicy {
  return {
    name: 'shop-deploys',
    mode: 'auto',
    guards: {
      namespaces: ['shop'],
      cooldown: 30 * MINUTE,
      budgets: [{ limit: 3, per: 24 * 60 * MINUTE, scope: 'target' }],
      storm: undefined
    },
    steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: 10 * MINUTE, passes: 3, every: 15_000 } }],
    escalate: { after: 20 * MINUTE, to: ['people'] },
    recheck: 30_000,
    widest: { ratio: 2, add: 0.005 },
    metrics: ['http-error-ratio', 'http-latency', 'grpc-error-ratio', 'grpc-latency'],
    ...more
  }
}

export function deployGuardOf(more: Partial<DeployGuard> = {}): DeployGuard {
  return {
    id: 'guard-1',
    target: TARGET,
    by: 'ci',
    createdAt: NOON,
    options: GUARD_OPTIONS,
    change: {},
    state: 'waiting',
    said: [],
    nextAt: NOON,
    ...more
  }
}
