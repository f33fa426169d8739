import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { rolloutUndo } from '../../src/actions/rollout-undo/rollout-undo.ts'
import type { ScaleWrite } from '../../src/actions/scale/means.ts'
import { scale } from '../../src/actions/scale/scale.ts'
import { type JsonObject, listAt, numberAt, textAt } from '../../src/base/json.ts'
import type { Plan } from '../../src/domain/plan.ts'
import { systemClock } from '../../src/outgoing/system-clock.ts'
import { HELMS } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { openKubectl } from '../support/cluster/kubectl.ts'
import { autoscalerOf, imageOf, ok, pathOf, untilWorkload } from '../support/conformance/clients.ts'
import { openSite } from '../support/e2e/site.ts'
import { storyTools } from '../support/story-tools.ts'
import { intentOf, planInput } from '../support/workloads.ts'

// What the next deploy does after an undo, a scale and a raised floor, whoever deploys; and that it is what was told before.
t.jobs = 2
const { plane, admin } = await openSite(t)
const { kube, cluster } = admin
const tools = storyTools(cluster, systemClock, { kube })
const soon = (): AbortSignal => AbortSignal.timeout(30_000)
const kubectl = await openKubectl(t, plane.kubeconfig)

interface Version {
  readonly image: string
  readonly sidecar: string
}

const V1: Version = { image: 'app:v1', sidecar: 'b' }
const V2: Version = { image: 'app:v2', sidecar: 'c' }
const V3: Version = { image: 'app:v3', sidecar: 'c' }

const deployment = (name: string, { image, sidecar }: Version, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    ...more,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'main', image, env: [{ name: `ONLY_${sidecar}`, value: '1' }] },
          { name: sidecar, image: 'side:1' }
        ]
      }
    }
  }
})

/** One Deployment that says its replicas, and one whose autoscaler is in the manifest too. */
const manifest = (version: Version): readonly JsonObject[] => [
  deployment('api', version, { replicas: 2 }),
  deployment('web', V1),
  { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', ...autoscalerOf('web', 2, 6) }
]

/** Deploys a version. @throws Error with what the tool says */
type Deploy = (version: Version) => Promise<unknown>

interface Way {
  readonly name: string
  readonly open: (t: Test, namespace: string) => Promise<Deploy>
  /** True where it applies on the server's side, and so would find a conflict. */
  readonly conflicts: boolean
  readonly release: boolean
}

const applies =
  (...more: readonly string[]): Way['open'] =>
  async (_t, namespace) =>
  version =>
    kubectl(['-n', namespace, 'apply', ...more, '-f', '-'], { apiVersion: 'v1', kind: 'List', items: manifest(version) })

const WAYS: readonly Way[] = [
  { name: 'client-side apply', open: applies(), conflicts: false, release: false },
  { name: 'server-side apply', open: applies('--server-side', '--field-manager=ci'), conflicts: true, release: false },
  ...HELMS.map(
    (program): Way => ({
      name: `helm ${program.version.split('.')[0] ?? ''}`,
      conflicts: program.version.startsWith('4'),
      release: true,
      async open(t, namespace) {
        const helm = await openHelm(t, program, plane.kubeconfig)
        const chart = mkdtempSync(join(tmpdir(), 'astern-next-chart-'))
        t.teardown(() => rmSync(chart, { recursive: true, force: true }))
        mkdirSync(join(chart, 'templates'))
        return version => {
          writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: api\nversion: 1.0.0\n')
          writeFileSync(
            join(chart, 'templates', 'all.yaml'),
            manifest(version)
              .map(object => JSON.stringify(object))
              .join('\n---\n')
          )
          return helm('upgrade', '--install', 'api', chart, '-n', namespace)
        }
      }
    })
  )
]

for (const way of WAYS)
  void t.test(way.name, { buffered: true }, async t => {
    const namespace = `next-${way.name.replaceAll(' ', '-')}`
    ok(await kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
    const deploy = await way.open(t, namespace)
    const api = { kind: 'Deployment', namespace, name: 'api' } as const
    const web = { ...api, name: 'web' } as const
    const workloadOf = (ref: typeof api | typeof web, image: string) =>
      untilWorkload(cluster, ref, found => imageOf(found) === image && found.rollout.available, `${image} runs`)
    await deploy(V1)
    await workloadOf(api, 'app:v1')
    await deploy(V2)

    const undo = rolloutUndo.plan(
      planInput(await workloadOf(api, 'app:v2'), { options: { provenFor: '0s', evenIfHelmOwned: true }, now: Date.now() })
    )
    if (undo.kind !== 'plan') throw new Error(undo.refusal.detail)
    t.equal((await rolloutUndo.apply(tools, intentOf(undo.plan, 'undo'), { dryRun: false }, soon())).kind, 'applied')
    const scaled = async (ref: typeof api | typeof web): Promise<Plan<ScaleWrite>> => {
      const input = planInput(await workloadOf(ref, 'app:v1'), { options: { to: 4, max: 6 } })
      const observed = await scale.observe(tools, input, soon())
      if (observed.kind === 'refused') throw new Error(observed.refusal.detail)
      const result = scale.plan(input, observed.seen)
      if (result.kind !== 'plan') throw new Error(result.refusal.detail)
      t.equal((await scale.apply(tools, intentOf(result.plan, `scale-${ref.name}`), { dryRun: false }, soon())).kind, 'applied')
      return result.plan
    }
    const [number, floor] = [await scaled(api), await scaled(web)] as const
    const before = await untilWorkload(cluster, api, found => found.replicas === 4 && found.rollout.available, 'four pods')
    if (way.conflicts) await t.rejects(deploy(V3), /conflicts? with "astern"/, 'as long as the fields are Astern’s')

    t.match(await rolloutUndo.giveUpFields(tools, undo.plan, soon()), { kind: 'given-up' })
    t.match(await scale.giveUpFields(tools, number, soon()), { kind: 'nothing' }, 'of the same object')
    t.match(await scale.giveUpFields(tools, floor, soon()), { kind: 'given-up' })
    const after = await untilWorkload(cluster, api, () => true, 'a read')
    t.equal(after.generation, before.generation, 'no spec was touched')
    await deploy(V2)
    await workloadOf(api, 'app:v2')
    t.match(undo.plan.facts, { nextDeploy: /^whoever deploys the same manifest again brings the undone version back/ })
    await deploy(V3)

    const next = await workloadOf(api, 'app:v3')
    const told = textAt(undo.plan.facts, 'nextDeploy') ?? ''
    const left = ['spec.containers[main].env[ONLY_b]', 'spec.containers[b]']
    for (const place of left) t.ok(told.includes(place), `${place} is told: ${told}`)
    t.same(
      listAt(next.template, 'spec', 'containers')
        .map(container => textAt(container, 'name'))
        .sort(),
      ['b', 'c', 'main'],
      'b stays, as was told'
    )
    t.same(
      listAt(next.template, 'spec', 'containers', 0, 'env')
        .map(entry => textAt(entry, 'name'))
        .sort(),
      ['ONLY_b', 'ONLY_c'],
      'and so does its variable'
    )
    t.equal(/release .* still says the undone version/.test(told), way.release)
    t.match(textAt(number.facts, 'nextDeploy'), /says replicas sets that number/)
    t.equal(next.replicas, 2, 'the manifest’s number, as was told')
    t.match(textAt(floor.facts, 'nextDeploy'), /says minReplicas or maxReplicas sets that number/)
    const floors = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/web`
    t.equal(numberAt(ok(await kube.get(floors)), 'spec', 'minReplicas'), 2, 'the manifest’s floor')
    await deploy(V3)
    t.equal(numberAt(ok(await kube.get(pathOf(api))), 'spec', 'replicas'), 2)
  })
