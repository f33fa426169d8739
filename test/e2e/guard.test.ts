import t from 'tap'
import {
  badCanary,
  badStateful,
  budgetUsedUp,
  cancelled,
  crashLoop,
  deployedForward,
  goodCanary,
  jobFails,
  killedWatching,
  loneError,
  noTraffic,
  oneAffair,
  onlyProbes,
  sourceKilled
} from '../stories/guard-stories.ts'
import { openSite } from '../support/e2e/site.ts'

// Story 15: a rollout is judged while both versions serve. On a real control plane, with a real Prometheus that scrapes its pods.
t.jobs = 5
const { site } = await openSite(t)

void t.test('15. a bad version is taken back, once', { buffered: true }, t => badCanary(t, site, 'guard-bad'))
void t.test('15. a good version passes early', { buffered: true }, t => goodCanary(t, site, 'guard-good'))
void t.test('15. no traffic proves nothing', { buffered: true }, t => noTraffic(t, site, 'guard-silent'))
void t.test('15. only probes prove nothing', { buffered: true }, t => onlyProbes(t, site, 'guard-probes'))
void t.test('15. a bad version of a StatefulSet', { buffered: true }, t => badStateful(t, site, 'guard-stateful'))
void t.test('15. Prometheus is killed in the middle', { buffered: true }, t => sourceKilled(t, site, 'guard-source'))
void t.test('15. one lone error fails nothing', { buffered: true }, t => loneError(t, site, 'guard-lone'))
void t.test('15. somebody deploys forward', { buffered: true }, t => deployedForward(t, site, 'guard-forward'))
void t.test('15. the budget is used up', { buffered: true }, t => budgetUsedUp(t, site, 'guard-budget'))
void t.test('15. two guards and an alert, one write', { buffered: true }, t => oneAffair(t, site, 'guard-affair'))
void t.test('15. the new pods crash', { buffered: true }, t => crashLoop(t, site, 'guard-crash'))
void t.test('15. the command fails the job', { buffered: true }, t => jobFails(t, site, 'guard-job'))
void t.test('15. the pipeline is cancelled', { buffered: true }, t => cancelled(t, site, 'guard-cancel'))
for (const point of ['guard-looked', 'guard-counted', 'guard-kept'] as const)
  void t.test(`15. killed at ${point}`, { buffered: true }, t => killedWatching(t, site, `guard-${point.slice(6)}`, point))
