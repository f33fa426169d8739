import t from 'tap'
import type { JsonObject } from '../../../src/base/json.ts'
import type { KubeClient } from '../../../src/cluster/kube-client.ts'
import { startWatcher } from '../../../src/cluster/watcher.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { NOON, templateOf } from '../../support/workloads.ts'

const entry = (manager: string, time: number): JsonObject => ({
  manager,
  operation: 'Update',
  time: new Date(time).toISOString(),
  fieldsV1: { 'f:spec': { 'f:template': {} } }
})

/** When a template that is found in a list counts as there. */
async function foundAt(metadata: JsonObject): Promise<number> {
  const item = { metadata: { name: 'api', namespace: 'shop', uid: 'u', ...metadata }, spec: { template: templateOf('app:v1') } }
  const kube: Pick<KubeClient, 'page' | 'watch'> = {
    page: async () => ({ kind: 'ok', status: 200, object: { metadata: { resourceVersion: '1' }, items: [item] } }),
    watch: (_path, _onEvent, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  return new Promise(resolve => {
    const watcher = startWatcher({
      client: kube,
      offset: createClockOffset(() => NOON),
      clock: { ...systemClock, now: () => NOON },
      namespaces: () => ['shop'],
      kinds: () => ['Deployment'],
      failed: () => {},
      sink: {
        async found([sighting]) {
          resolve(sighting?.template.at ?? 0)
          void watcher.stop()
        },
        async observed() {}
      }
    })
  })
}

t.test('the time of a version is never that of the version before, whose entry is all that is left', async t => {
  const deployed = entry('ci', NOON - 600_000)
  const annotations = { 'astern.dev/intent': 'i1' }

  t.equal(await foundAt({ managedFields: [deployed] }), NOON - 600_000 + 999, 'nobody wrote since')
  t.equal(await foundAt({ annotations, managedFields: [deployed, entry('astern', NOON - 60_000)] }), NOON - 60_000 + 999)
  t.equal(await foundAt({ annotations, managedFields: [deployed] }), NOON, 'Astern wrote, and gave its fields up: no earlier than seen')
})
