import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { pastRelease } from '../../../src/cluster/past-release.ts'
import { declared } from '../../../src/domain/declared.ts'
import { type Revision, templateIdentity, type Workload } from '../../../src/domain/workload.ts'
import { NOON, revisionOf, TARGET, templateOf, workloadOf } from '../../support/workloads.ts'

const manifest = (template: JsonObject, name = 'api') => ({
  object: { kind: 'Deployment', group: 'apps', namespace: TARGET.namespace, name },
  template: declared(template)
})
const release = (more: object = {}) => ({
  latest: { revision: 1, status: 'deployed', changedAt: NOON - HOUR, finishedAt: NOON - HOUR + SECOND, ...more }
})
const withEnv = (number: number, image: string, createdAt: number, more: Partial<Revision> = {}): Revision => {
  const template = templateOf(image)
  const changed = { ...template, spec: { containers: [{ name: 'api', image, env: [{ name: 'POOL', value: '0' }] }] } }
  return revisionOf(number, image, createdAt, { template: changed, identity: templateIdentity(changed), ...more })
}

/** v1 is the release's, since an hour ago; the second revision came five minutes ago. */
const after = (second: Revision): Workload => workloadOf([revisionOf(1, 'app:v1', NOON - HOUR), second])
const SET_IMAGE = after(revisionOf(2, 'app:v2', NOON - 5 * MINUTE))
const V1 = manifest(templateOf('app:v1'))
const V2 = manifest(templateOf('app:v2'))

t.test('an image that was set past the release: the release still declares the revision before', async t => {
  const { pastRelease: found } = pastRelease(SET_IMAGE, release(), [V1])
  t.same(found, { declared: [revisionOf(1, 'app:v1', 0).identity], fields: ['spec.containers[api].image'] })
})

t.test('the release’s own change is none past it', async t => {
  t.same(pastRelease(SET_IMAGE, release(), [V2]), {})
  t.same(pastRelease(SET_IMAGE, release({ status: 'failed' }), [V2, V1]), {}, 'one that failed, over the deployed one')
  t.same(pastRelease(SET_IMAGE, release({ status: 'pending-upgrade' }), [V1]), {}, 'one that is under way')
  t.same(pastRelease(SET_IMAGE, release(), []), {}, 'nothing is known of what it declares')
  t.same(pastRelease(SET_IMAGE, release(), [manifest(templateOf('app:v1'), 'web')]), {}, 'that is another workload’s')
  t.same(pastRelease(SET_IMAGE, {}, [V1]), {})
})

t.test('a webhook that changes whatever helm writes: no revision has what the release declares', async t => {
  t.same(pastRelease(SET_IMAGE, release(), [manifest(templateOf('registry/app:v1'))]), {})
})

t.test('something was added past the release: only where it came after the release’s last operation', async t => {
  const added = after(withEnv(2, 'app:v1', NOON - 5 * MINUTE))
  t.match(pastRelease(added, release(), [V1]), { pastRelease: { fields: [], declared: [revisionOf(1, 'app:v1', 0).identity] } })
  const during = (more: object) => pastRelease(added, release({ changedAt: NOON - 5 * MINUTE, ...more }), [V1])
  t.same(during({ finishedAt: NOON - 5 * MINUTE + SECOND }), {}, 'an upgrade took something away')
  t.same(during({ finishedAt: NOON - 4 * MINUTE }), {}, 'helm waited')
  t.same(pastRelease(after(withEnv(2, 'app:v1', NOON - 5 * MINUTE, { reused: true })), release(), [V1]), {}, 'when it came is not known')
})

t.test('what an operator adds to make pods start anew is no change past the release: what it watches changed', async t => {
  const template = templateOf('app:v1')
  const bumped = (changed: JsonObject): Workload =>
    after(revisionOf(2, 'app:v1', NOON - 5 * MINUTE, { template: changed, identity: templateIdentity(changed) }))
  const env = (...names: readonly string[]): JsonObject => ({
    ...template,
    spec: { containers: [{ name: 'api', image: 'app:v1', env: names.map(name => ({ name, value: 'x' })) }] }
  })
  t.same(pastRelease(bumped(env('STAKATER_API_CONFIGMAP')), release(), [V1]), {})
  t.same(pastRelease(bumped(templateOf('app:v1', { 'example.com/checksum': 'x' })), release(), [V1]), {})
  t.match(pastRelease(bumped(env('STAKATER_API_CONFIGMAP', 'POOL')), release(), [V1]), { pastRelease: { fields: [] } })
})

t.test('a template that stands in another object is not compared', async t => {
  t.same(pastRelease({ ...SET_IMAGE, templateAt: { ...SET_IMAGE.templateAt, uid: 'uid-other' } }, release(), [V1]), {})
})
