import t from 'tap'
import { createKubeClient } from '../../../src/cluster/kube-client.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'

t.test('a disruption budget that keeps a pod is named: the API server does so only among the causes', async t => {
  const message = "Cannot evict pod as it would violate the pod's disruption budget."
  const causes = [
    { reason: 'DisruptionBudget', message: 'The disruption budget api needs 3 healthy pods and has 2 currently' },
    { reason: 'FieldValueInvalid', message: 'something else' }
  ]
  const body = JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message, details: { causes } })
  const answered = async () => ({ kind: 'response' as const, status: 429, headers: {}, body, sentAt: 0, receivedAt: 1 })
  const nothing = async (): Promise<never> => {
    throw new Error('no watch was expected')
  }
  const kube = createKubeClient(
    { server: 'https://kube', options: async () => ({}) },
    { request: answered, lines: nothing, close: () => {} },
    { request: answered, state: () => 'closed' },
    createClockOffset(() => 0)
  )
  t.match(await kube.post('/api/v1/namespaces/shop/pods/api-1/eviction', {}), {
    kind: 'error',
    status: 429,
    detail: `${message} The disruption budget api needs 3 healthy pods and has 2 currently`
  })
})
