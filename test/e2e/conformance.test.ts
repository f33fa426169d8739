import t from 'tap'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { clusterConformance } from '../support/conformance/cluster-conformance.ts'

await t.test('the real control plane conforms', async t => {
  const plane = await startControlPlane()
  t.teardown(() => plane.stop())

  await clusterConformance(t, plane.kubeconfig, 'conformance')
})
