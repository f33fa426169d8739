import t from 'tap'
import { revisionFits, unserved } from '../../../src/actions/helm-rollback/fits.ts'
import { keptWhere } from '../../../src/actions/helm-rollback/objects.ts'
import { observeRelease } from '../../../src/actions/helm-rollback/observe.ts'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { manifestObjects } from '../../../src/templates/manifest.ts'
import { StoryClock } from '../../support/bench.ts'
import { storyHelm } from '../../support/story-actions.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { badRollout, NOON, planInput } from '../../support/workloads.ts'

const soon = AbortSignal.timeout(60_000)
const RELEASE = { name: 'api', namespace: 'shop' }

const configMap = (name: string): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
const deployment = (name: string, config: string, namespace?: string): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  spec: { template: { spec: { containers: [{ name: 'api', image: 'app', envFrom: [{ configMapRef: { name: config } }] }] } } }
})
const hook = (events: string): JsonObject => ({
  apiVersion: 'batch/v1beta1',
  kind: 'Job',
  metadata: { name: 'migrate', annotations: { 'helm.sh/hook': events } }
})

async function revision(objects: readonly JsonObject[], hooks: readonly JsonObject[] = []) {
  const read = async (list: readonly JsonObject[]) => {
    const found = await manifestObjects(list.map(object => JSON.stringify(object)).join('\n---\n'))
    if (found === 'unreadable') throw new Error('unreadable')
    return found
  }
  const kept = await keptWhere({ objects: await read(objects), hooks: await read(hooks) }, async () => true)
  if (kept === undefined) throw new Error('unknown kinds')
  return kept
}

async function why(set: (cluster: StoryCluster) => void, older: Awaited<ReturnType<typeof revision>>, latest = older): Promise<unknown> {
  const cluster = new StoryCluster(new StoryClock())
  set(cluster)
  const fit = await revisionFits({ cluster }, { workload: badRollout(), owners: [], release: RELEASE, latest, older }, soon)
  return fit.kind === 'cannot' ? fit.why : fit.kind === 'fits' ? fit.notLookedAt : fit
}

t.test('kinds of the manifest, and of the hooks that a rollback runs, must be served now', async t => {
  const older = await revision([deployment('api', 'a'), configMap('a')], [hook('pre-install,pre-upgrade')])
  const beta = (cluster: StoryCluster): unknown => cluster.unserved.add('batch/v1beta1 Job')
  t.same(await why(beta, older), [], 'a hook of an install is not run')
  t.equal(await why(beta, await revision([], [hook('pre-upgrade, pre-rollback')])), 'this API server does not serve Job of batch/v1beta1')
  t.equal(await why(cluster => cluster.unserved.add('apps/v1 Deployment'), older), 'this API server does not serve Deployment of apps/v1')
  const cluster = new StoryCluster(new StoryClock())
  Object.assign(cluster.around, { serves: async () => 'no-answer' })
  t.match(await unserved({ cluster }, older.objects, soon), { kind: 'no-answer' })
})

t.test('what pods need comes with the same revision, or must be there; of objects that stay as they are nothing is asked', async t => {
  const gone = (cluster: StoryCluster): unknown => cluster.gone.add('ConfigMap a')
  t.same(await why(gone, await revision([deployment('api', 'a'), configMap('a')]), await revision([])), [], 'it brings it along')
  const needing = await revision([deployment('web', 'a')])
  t.equal(await why(gone, needing, await revision([])), 'Deployment web: it needs ConfigMap a, which is gone')
  t.same(await why(gone, needing, needing), [], 'helm does not touch it')
  t.match(await why(gone, await revision([deployment('web', 'a', 'other')]), await revision([])), [/what Deployment other\/web needs/])
})

t.test('a present manifest with a kind that is not served: helm can roll nothing back', async t => {
  const helm = storyHelm([{ updatedAt: NOON - 5 * HOUR }, { updatedAt: NOON - 10 * MINUTE }])
  const cluster = new StoryCluster(new StoryClock())
  const look = () =>
    observeRelease(
      helm,
      { cluster, kube: cluster.kube },
      planInput({ ...badRollout(), release: RELEASE }, { options: { provenFor: '0s' } }),
      soon
    )
  t.match(await look(), { kind: 'seen' })
  cluster.unserved.add('apps/v1 Deployment')
  t.match(await look(), {
    kind: 'refused',
    refusal: { reason: 'cannot-run', detail: /revision 2 is deployed, and this API server does not serve Deployment of apps\/v1/ }
  })
})

t.test('the target’s old template is tried as an undo tries one', async t => {
  const older = await revision([deployment('api', 'a'), configMap('a')])
  const warning = 'would violate PodSecurity "restricted:latest": runAsNonRoot != true (x)'
  const warns = (cluster: StoryCluster): void => {
    cluster.onDryRun = ({ write }) =>
      write.operations.some(({ op }) => op === 'replace') ? { kind: 'applied', generation: 0, at: 0, warnings: [warning] } : undefined
  }
  t.equal(await why(warns, older), `the API server warns: ${warning}`)
  const full = (cluster: StoryCluster): void => {
    cluster.quotas = [{ metadata: { name: 'q' }, status: { hard: { pods: '1' }, used: { pods: '1' } } }]
  }
  t.match(await why(full, older), /quota q has no room/)
  t.equal(
    await why(cluster => cluster.gone.add('ConfigMap a'), await revision([deployment('api', 'a')]), await revision([])),
    'Deployment api: it needs ConfigMap a, which is gone'
  )
})
