import t from 'tap'
import { readAutoscaler } from '../../../src/actions/scale/autoscaler.ts'
import { scale } from '../../../src/actions/scale/scale.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { noKube, storyTools } from '../../support/story-tools.ts'
import { badRollout, NOON, planInput } from '../../support/workloads.ts'

const never = AbortSignal.timeout(60_000)
const clock = { now: () => NOON, sleep: async () => {} }
const autoscaler = (name: string): JsonObject => ({
  metadata: { name, uid: name, managedFields: [{}] },
  spec: { minReplicas: 2, maxReplicas: 9, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } }
})

/** A namespace with so many autoscalers that one answer with all of them is too long. The target's is the last. */
async function get(path: string): Promise<KubeAnswer> {
  const url = new URL(path, 'http://x')
  const all = url.pathname.endsWith('/horizontalpodautoscalers')
    ? [...Array.from({ length: 400 }, (_, index) => autoscaler(`other-${index}`)), autoscaler('api')]
    : []
  const [from, limit] = [Number(url.searchParams.get('continue') ?? '0'), Number(url.searchParams.get('limit') ?? '1e9')]
  const items = all.slice(from, from + limit)
  if (items.length > 300) return { kind: 'unreachable', detail: 'more than 16 MiB', problem: 'too-large' }
  const next = from + items.length
  return { kind: 'ok', status: 200, object: { metadata: next < all.length ? { continue: String(next) } : {}, items } }
}

t.test('among more autoscalers than one answer holds, the target’s is found, and found again', async t => {
  const tools = storyTools(new StoryCluster(clock), clock, { kube: { ...noKube, get } })
  const seen = await scale.observe(tools, planInput(badRollout(), { options: { to: 5, max: 6 } }), never)
  if (seen.kind === 'refused') throw new Error(seen.refusal.detail)
  t.match(seen.seen.autoscalers, [{ name: 'api', ceiling: 9 }])
  const write = {
    autoscaler: 'api',
    floor: 5,
    from: 2,
    replicas: 5,
    kind: 'json-patch' as const,
    mark: 'add' as const,
    path: '',
    operations: []
  }
  t.match(await readAutoscaler(tools, 'shop', write, never), { metadata: { name: 'api', managedFields: [{}] } }, 'whole')
  t.equal(await readAutoscaler(tools, 'shop', { ...write, autoscaler: 'gone' }, never), undefined)
})
