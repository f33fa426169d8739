import t from 'tap'
import { i1BadDeploy, i1OpenBreaker, i1SickPod, i2PoolExhausted, i3AndI4, i4NobodyOwns, i5Surge } from '../stories/incident-stories.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { openSite } from '../support/e2e/site.ts'

// The five incidents that the shipped policies are for.
t.jobs = 4
const { plane, site } = await openSite(t)
const program = HELMS.at(-1)
if (program === undefined) throw new Error('no helm')
const releases = { ...site, helm: await openHelm(t, program, plane.kubeconfig), program: await obtain(program) }

void t.test('I1. one sick pod of the upstream', { buffered: true }, t => i1SickPod(t, site, 'i1-pod'))
void t.test('I1. the breaker is open, the upstream well', { buffered: true }, t => i1OpenBreaker(t, site, 'i1-breaker'))
void t.test('I1. a bad deploy of the upstream', { buffered: true }, t => i1BadDeploy(t, site, 'i1-deploy'))
void t.test('I2. the pool is exhausted, nothing was deployed', { buffered: true }, t =>
  i2PoolExhausted(t, site, 'i2-traffic', { leak: false })
)
void t.test('I2. a deploy leaks connections', { buffered: true }, t => i2PoolExhausted(t, site, 'i2-leak', { leak: true }))
void t.test('I3. a release answers 500', { buffered: true }, t => i3AndI4(t, releases, 'i3', 'I3'))
void t.test('I4. a configuration push breaks every request', { buffered: true }, t => i3AndI4(t, releases, 'i4', 'I4'))
void t.test('I4. where no release owns it', { buffered: true }, t => i4NobodyOwns(t, site, 'i4-nobody'))
void t.test('I5. a surge, the autoscaler at its ceiling', { buffered: true }, t => i5Surge(t, site, 'i5'))
