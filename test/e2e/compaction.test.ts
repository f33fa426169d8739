import t from 'tap'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { deploymentOf, ok, openClients, pathOf, setImage } from '../support/conformance/clients.ts'
import { bigDeployment, fill } from '../support/large/fill.ts'
import { makeNamespace, openWitness } from '../support/large/witness.ts'
import { waitUntil } from '../support/world/world.ts'

// An API server that keeps nothing between itself and etcd, so that what etcd forgets is forgotten at once.
const plane = await startControlPlane({
  controllers: false,
  apiserver: ['--watch-cache-sizes=deployments.apps#0', '--feature-gates=ListFromCacheSnapshot=false']
})
const admin = await openClients(plane.kubeconfig)
t.teardown(async () => {
  admin.close()
  await plane.stop()
})
const change = (namespace: string, name: string, image: string) => setImage(admin.kube, { kind: 'Deployment', namespace, name }, image)

await t.test('etcd is compacted while the watch is away: listed anew, and the change in between is found', async t => {
  const namespace = 'away'
  await makeNamespace(admin, namespace)
  ok(await admin.kube.post(pathOf({ namespace }), deploymentOf('api', 'app:1')))
  const witness = await openWitness(t, plane, namespace)
  await witness.until('api: found')
  await waitUntil(() => witness.proxy.openWatches() === 1, 'it watches')

  witness.proxy.away = true
  witness.proxy.cutWatches()
  await change(namespace, 'api', 'app:2')
  await change(namespace, 'api', 'app:3')
  await plane.compact()
  witness.proxy.away = false

  await waitUntil(() => witness.told.length === 2, 'the change is told')
  t.equal(witness.asked('list').length, 2)
  await change(namespace, 'api', 'app:4')
  await witness.until('api: seen')
  t.equal(witness.state()?.state, 'watching')
})

await t.test('etcd is compacted between two pages: the list goes on, and ends with every object as it is', async t => {
  const namespace = 'between'
  await makeNamespace(admin, namespace)
  const names = Array.from({ length: 600 }, (_, index) => `d-${String(index).padStart(3, '0')}`)
  await fill(
    plane,
    pathOf({ namespace }),
    names.map(name => bigDeployment(name))
  )
  let pages = 0
  const expired: string[] = []
  const witness = await openWitness(t, plane, namespace, proxy => {
    proxy.before = async ({ verb, query }) => {
      if (verb !== 'list') return
      pages += 1
      const token = query.get('continue')
      if (token !== null) expired.push(token)
      if (pages !== 2) return
      // On the first page it was listed already, on the last not yet.
      await change(namespace, 'd-000', 'app:new')
      await change(namespace, 'd-599', 'app:new')
      await plane.compact()
    }
  })
  await waitUntil(() => new Set(witness.sightings.map(({ target }) => target.name)).size === names.length, 'every one is found')
  await waitUntil(() => witness.state()?.state === 'watching', 'it watches')
  await waitUntil(
    () => witness.sightings.filter(({ target }) => target.name === 'd-000').length >= 2,
    'the one that changed behind the list’s back is told as well'
  )
  t.ok(new Set(expired).size >= 2, 'a token ran out, and another one was taken')
  const last = witness.sightings.filter(({ target }) => target.name === 'd-599').at(-1)
  t.ok(last, 'd-599 is known')
  await change(namespace, 'd-300', 'app:new')
  await witness.until('d-300: seen')
})
