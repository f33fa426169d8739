import type { Test } from 'tap'
import { startControlPlane } from '../cluster/control-plane.ts'
import { ok, openClients } from '../conformance/clients.ts'
import { compare, type Difference } from './compare.ts'
import { histories } from './histories.ts'
import { play, type Stage } from './play.ts'

/** Histories under way at a time: the Deployment controller works on five. */
const TOGETHER = 5

/** Plays the seeded histories on a control plane of its own. Fails for whatever differs without a written reason. */
export async function compareMany(t: Test, seed: number, count: number): Promise<ReadonlyMap<Difference | 'template' | 'nowhere', number>> {
  const plane = await startControlPlane()
  const admin = await openClients(plane.kubeconfig)
  t.teardown(async () => {
    admin.close()
    await plane.stop()
  })
  const stage: Stage = { admin, kubeconfig: plane.kubeconfig, namespace: 'histories' }
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: stage.namespace } }))
  const tally = new Map<Difference | 'template' | 'nowhere', number>()
  const todo = [...histories(seed, count).entries()]
  const worker = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [index, history] = next
      const result = await compare(stage, await play(stage, `history-${index}`, history))
      if (result.wrong.length > 0)
        t.fail(result.wrong.join('; '), { seed, index, watched: history.watched, deeds: history.deeds, story: result.story })
      for (const key of [...result.differences, ...(result.same === undefined ? [] : [result.same])])
        tally.set(key, (tally.get(key) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  t.comment(`of ${count} histories: ${[...tally].map(([key, times]) => `${key} ${times}`).join(', ')}`)
  return tally
}
