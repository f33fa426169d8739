/** On a pod template: its pods never become ready, with this waiting reason. The same key works in the sandbox. */
export const BROKEN = 'sandbox.astern.dev/broken'

/** @param wanted `delayMs`: how long an object is in the stage before, milliseconds. */
const stage = (
  name: string,
  kind: 'Node' | 'Pod',
  matchExpressions: readonly unknown[],
  { next, delayMs }: { readonly next: unknown; readonly delayMs: number }
): unknown => ({
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'Stage',
  metadata: { name },
  spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, delay: { durationMilliseconds: delayMs }, next }
})

const absent = (key: string) => ({ key, operator: 'DoesNotExist' })
const present = (key: string) => ({ key, operator: 'Exists' })
const broken = `.metadata.annotations["${BROKEN}"]`

/** Pods that do their work and end, such as those of `helm test`. */
const RUNS_ONCE = { key: '.spec.restartPolicy', values: ['Never'] }

/** What kwok does with nodes and pods: it has no stages of its own. */
export const STAGES: readonly unknown[] = [
  stage('node-ready', 'Node', [absent('.metadata.deletionTimestamp'), { key: '.status.phase', operator: 'NotIn', values: ['Running'] }], {
    next: {
      statusTemplate: `phase: Running\nconditions:\n- type: Ready\n  status: "True"\n  reason: KubeletReady\n  lastHeartbeatTime: {{ Now | Quote }}\n  lastTransitionTime: {{ Now | Quote }}\n`
    },
    delayMs: 0
  }),
  stage(
    'pod-ready',
    'Pod',
    [absent('.metadata.deletionTimestamp'), absent('.status.podIP'), absent(broken), { ...RUNS_ONCE, operator: 'NotIn' }],
    {
      next: {
        statusTemplate: `{{ $now := Now }}
phase: Running
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
hostIP: 127.0.0.1
startTime: {{ $now | Quote }}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: true, restartCount: 0, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ end }}
`
      },
      delayMs: 500
    }
  ),
  stage(
    'pod-succeeded',
    'Pod',
    [
      absent('.metadata.deletionTimestamp'),
      { ...RUNS_ONCE, operator: 'In' },
      { key: '.status.phase', operator: 'NotIn', values: ['Succeeded'] }
    ],
    { next: { statusTemplate: 'phase: Succeeded\n' }, delayMs: 300 }
  ),
  stage('pod-broken', 'Pod', [absent('.metadata.deletionTimestamp'), absent('.status.startTime'), present(broken)], {
    next: {
      statusTemplate: `{{ $now := Now }}{{ $why := index .metadata.annotations "${BROKEN}" }}
phase: Pending
startTime: {{ $now | Quote }}
conditions:
- { type: Ready, status: "False", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 3, state: { waiting: { reason: {{ $why | Quote }} } } }
{{ end }}
`
    },
    delayMs: 300
  }),
  stage('pod-delete', 'Pod', [present('.metadata.deletionTimestamp')], { next: { finalizers: { empty: true }, delete: true }, delayMs: 0 })
]
