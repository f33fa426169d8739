import t from 'tap'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { deploymentOf, ok, openClients, pathOf, setImage } from '../support/conformance/clients.ts'
import { bigDeployment, fill } from '../support/large/fill.ts'
import { makeNamespace, openWitness } from '../support/large/witness.ts'
import { waitUntil } from '../support/world/world.ts'

// What a watch of the real API server goes through on bad days. Nothing acts on the objects: they are what the tests wrote.
const plane = await startControlPlane({ controllers: false })
const admin = await openClients(plane.kubeconfig)
t.teardown(async () => {
  admin.close()
  await plane.stop()
})
const deploy = async (namespace: string, name: string): Promise<void> => {
  ok(await admin.kube.post(`${pathOf({ namespace })}?fieldManager=pipeline`, deploymentOf(name, 'app:1')))
}
const change = (namespace: string, name: string, image: string) => setImage(admin.kube, { kind: 'Deployment', namespace, name }, image)

void t.test('a watch that is cut goes on where it was: no list, and what happened meanwhile is seen with its time', async t => {
  const namespace = 'cut'
  await makeNamespace(admin, namespace)
  await deploy(namespace, 'api')
  const witness = await openWitness(t, plane, namespace)
  await witness.until('api: found')
  await waitUntil(() => witness.proxy.openWatches() === 1, 'it watches')

  witness.proxy.away = true
  witness.proxy.cutWatches()
  const before = Date.now()
  await change(namespace, 'api', 'app:2')
  const after = Date.now()
  await waitUntil(() => witness.state()?.state === 'unreachable', 'it says that it sees nothing', 20_000)
  witness.proxy.away = false
  await witness.until('api: seen')

  t.equal(witness.asked('list').length, 1, 'the objects are not listed anew')
  t.ok(witness.asked('watch').length >= 2)
  const at = witness.sightings.at(-1)?.template.at ?? 0
  t.ok(at >= before - 1_000 && at <= after + 1_000, 'the API server’s time, not the one at which it came')
  t.equal(witness.state()?.state, 'watching')
})

void t.test('a watch goes on from its bookmark: the server ends it again and again, and nothing is listed anew', async t => {
  const namespace = 'bookmarks'
  await makeNamespace(admin, namespace)
  await deploy(namespace, 'quiet')
  const witness = await openWitness(t, plane, namespace, proxy => {
    proxy.watchSeconds = 4
  })
  await witness.until('quiet: found')
  // The cluster's version moves on, and this namespace's does not.
  await deploy('default', `elsewhere-${namespace}`)
  await waitUntil(() => witness.asked('watch').length >= 3, 'two watches were ended by the server')

  t.equal(witness.asked('list').length, 1)
  const versions = witness.asked('watch').map(({ query }) => Number(query.get('resourceVersion')))
  t.ok((versions[2] ?? 0) > (versions[0] ?? 0), `by a bookmark only: ${versions.join(', ')}`)
  await change(namespace, 'quiet', 'app:2')
  await witness.until('quiet: seen')
})

void t.test('a version that the server has forgotten, told by an event: listed anew, and a change in between is found', async t => {
  const namespace = 'forgotten'
  await makeNamespace(admin, namespace)
  await deploy(namespace, 'api')
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: 'too old resource version: 1 (2)',
    reason: 'Expired',
    code: 410
  }
  let forget = false
  const witness = await openWitness(t, plane, namespace, proxy => {
    proxy.instead = ({ verb }) => {
      if (verb !== 'watch' || !forget) return undefined
      forget = false
      return { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: status })}\n` }
    }
  })
  await witness.until('api: found')
  await waitUntil(() => witness.proxy.openWatches() === 1, 'it watches')
  forget = true
  witness.proxy.away = true
  witness.proxy.cutWatches()
  await change(namespace, 'api', 'app:2')
  witness.proxy.away = false
  await waitUntil(() => witness.told.length === 2, 'the change is told')
  t.same(witness.told, ['api: found', 'api: found'], 'its moment was not seen')
  t.equal(witness.asked('list').length, 2)
  await change(namespace, 'api', 'app:3')
  await witness.until('api: seen')
})

void t.test('a slow proxy that gives up on long answers gets shorter ones', async t => {
  const namespace = 'slow'
  await makeNamespace(admin, namespace)
  const names = Array.from({ length: 300 }, (_, index) => `d-${index}`)
  await fill(
    plane,
    pathOf({ namespace }),
    names.map(name => bigDeployment(name))
  )
  const witness = await openWitness(t, plane, namespace, proxy => {
    proxy.bytesPerSecond = 600_000
    proxy.gatewayTimeoutMs = 1_000
  })
  await waitUntil(
    () => witness.told.length === names.length,
    () => `${witness.told.length} of ${names.length} were found`
  )
  await waitUntil(() => witness.state()?.state === 'watching', 'it watches')
  const limits = witness.asked('list').map(({ query }) => Number(query.get('limit')))
  t.ok((limits.at(-1) ?? 0) < (limits[0] ?? 0), limits.join(', '))
  t.same(new Set(witness.told.map(one => one.split(':')[0])), new Set(names))
})

void t.test('forty namespaces by name: every one is watched, and decisions still get through', async t => {
  const namespaces = Array.from({ length: 40 }, (_, index) => `team-${index}`)
  for (const name of namespaces) await makeNamespace(admin, name)
  await deploy('team-0', 'api')
  const witnesses = await openWitnesses(t, namespaces)
  await waitUntil(() => witnesses.states().every(({ state }) => state === 'watching'), 'all see')
  t.match(await witnesses.clients.kube.get(pathOf({ namespace: 'team-0', name: 'api' })), { kind: 'ok' })
})

async function openWitnesses(t: Parameters<typeof openWitness>[0], namespaces: readonly string[]) {
  const { startWatcher } = await import('../../src/cluster/watcher.ts')
  const { systemClock } = await import('../../src/outgoing/system-clock.ts')
  const clients = await openClients(plane.kubeconfig)
  const watcher = startWatcher({
    client: clients.kube,
    offset: clients.offset,
    clock: systemClock,
    namespaces: () => namespaces,
    kinds: () => ['Deployment'],
    failed: () => {},
    sink: { found: async () => {}, observed: async () => {} }
  })
  t.teardown(async () => {
    await watcher.stop()
    clients.close()
  })
  return { clients, states: () => watcher.states() }
}
