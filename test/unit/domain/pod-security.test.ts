import t from 'tap'
import { judgePodSecurity, podSecurityLabels } from '../../../src/domain/pod-security.ts'

// As kube-apiserver 1.36 writes them.
const ROOT =
  'would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers "main", "side" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
const PRIVILEGED = `${ROOT}, privileged (container "main" must not set securityContext.privileged=true)`
const UNCONFINED =
  'would violate PodSecurity "restricted:latest": seccompProfile (container "main" must not set securityContext.seccompProfile.type to "Unconfined")'
const cannot = (question: Parameters<typeof judgePodSecurity>[0]): boolean => judgePodSecurity(question).cannot !== undefined

t.test('a warning that the present template does not have excludes the older one; one that both have does not', async t => {
  t.equal(judgePodSecurity({ warned: ['deprecated', ROOT], present: [] }).cannot, ROOT)
  t.notOk(cannot({ warned: [ROOT], present: [ROOT] }), 'pods like that run here')
  t.notOk(cannot({ warned: ['spec.x: unknown field'], present: [] }))
  t.notOk(cannot({ warned: [], present: [] }))
})

t.test('the namespace’s labels decide where they are known: what is enforced counts, and not what is only warned of', async t => {
  const of = (enforce: 'privileged' | 'baseline' | 'restricted', warned: string): boolean =>
    cannot({ warned: [warned], present: [], labels: { enforce, warn: 'restricted' } })
  t.same([of('restricted', ROOT), of('baseline', ROOT), of('privileged', ROOT)], [true, false, false])
  t.same([of('baseline', PRIVILEGED), of('baseline', UNCONFINED)], [true, true], 'what baseline forbids too')
  t.ok(of('baseline', 'would violate PodSecurity "restricted:latest": something new (x)'), 'what is not known counts as forbidden')
  // kubernetes/kubernetes#125507: enforced baseline, warned restricted, and one warning for both.
  t.ok(
    of(
      'baseline',
      `would violate PodSecurity "restricted:v1.30": host namespaces (hostNetwork=true), allowPrivilegeEscalation != false (x)`
    )
  )
  t.ok(cannot({ warned: [ROOT], present: [], labels: {} }), 'without a label the cluster’s default counts, which nobody can read')
})

t.test('both are warned of, and the level is enforced: pods that came in since then show that a webhook mends them', async t => {
  const of = (newestPod: number | undefined, since: number | undefined): boolean =>
    cannot({
      warned: [ROOT],
      present: [ROOT],
      ...(newestPod === undefined ? {} : { newestPod }),
      labels: { enforce: 'restricted', ...(since === undefined ? {} : { since }) }
    })
  t.notOk(of(2_000, 1_000))
  t.ok(of(500, 1_000), 'they are older than the rule: none would come now')
  t.ok(of(undefined, 1_000))
  t.notOk(of(undefined, undefined), 'when it was set is not known')
})

t.test('a namespace that enforces more than it warns of: not looked at, and said', async t => {
  t.match(
    judgePodSecurity({ warned: [], present: [], labels: { enforce: 'restricted', warn: 'privileged' } }).unseen,
    /enforces restricted and warns only of privileged/
  )
  t.same(
    judgePodSecurity({ warned: [], present: [], labels: { enforce: 'restricted' } }),
    {},
    'without a label of its own warn follows enforce'
  )
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/warn': 'nonsense' }
  const set = { time: '2026-11-21T12:00:00Z', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:pod-security.kubernetes.io/enforce': {} } } } }
  const other = { time: '2026-11-22T12:00:00Z', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:team': {} } } } }
  t.same(podSecurityLabels({ labels, managedFields: [set, other] }), { enforce: 'baseline', since: Date.parse('2026-11-21T12:00:00Z') })
})
