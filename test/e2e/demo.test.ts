import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { listAt, textAt } from '../../src/base/json.ts'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { ok, openClients } from '../support/conformance/clients.ts'
import { waitUntil } from '../support/world/world.ts'

const run = promisify(execFile)

t.test('the demo on one’s own cluster: the same story, in a namespace of its own that is gone afterwards', async t => {
  const plane = await startControlPlane()
  t.teardown(() => plane.stop())
  const { kube, close } = await openClients(plane.kubeconfig)
  t.teardown(close)

  // Not waited for synchronously: the control plane's output has to be read meanwhile.
  const { stdout } = await run(process.execPath, ['src/main.ts', 'demo', '--kubeconfig', plane.kubeconfig, '--yes'])

  t.match(stdout, /recovered +put revision 1/)
  t.match(stdout, /✓ the run ended recovered\n✓ checkout runs registry\.k8s\.io\/pause:3\.9 again\n✓ audit chain of \d+ rows verified/)
  await waitUntil(
    async () =>
      !listAt(ok(await kube.get('/api/v1/namespaces')), 'items').some(
        namespace => textAt(namespace, 'metadata', 'name')?.startsWith('astern-demo-') === true
      ),
    'the namespace is gone'
  )
})
