/** On a pod template: its pods never become ready, with this waiting reason. The same key works in the sandbox. */
export const BROKEN = 'sandbox.astern.dev/broken'

/** On a broken pod template: after eight seconds its pods get ready all the same. */
export const RECOVERS = 'test.astern.dev/recovers'

/** On a broken pod template with this reason: its containers run, and never get ready. */
export const NEVER_READY = 'NeverReady'

/** On a pod: its node does not answer any more, so it stays in Terminating. */
export const SILENT = 'test.astern.dev/silent'

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
const annotation = (name: string): string => `.metadata.annotations["${name}"]`
const broken = annotation(BROKEN)
const recovers = annotation(RECOVERS)
const silent = annotation(SILENT)

const POD_IP =
  'podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}\n'

/** All containers run; the pod is ready or not. One that is not has no address, so that nobody takes it for a pod that serves. */
const running = (ready: boolean): string => `{{ $now := Now }}
phase: Running
${ready ? POD_IP : ''}hostIP: 127.0.0.1
startTime: {{ $now | Quote }}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "${ready ? 'True' : 'False'}", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "${ready ? 'True' : 'False'}", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: ${ready}, started: true, restartCount: 0, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ end }}
`

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
    { next: { statusTemplate: running(true) }, delayMs: 500 }
  ),
  stage(
    'pod-recovers',
    'Pod',
    [absent('.metadata.deletionTimestamp'), absent('.status.podIP'), present('.status.startTime'), present(recovers)],
    { next: { statusTemplate: running(true) }, delayMs: 8_000 }
  ),
  stage(
    'pod-never-ready',
    'Pod',
    [absent('.metadata.deletionTimestamp'), absent('.status.startTime'), { key: broken, operator: 'In', values: [NEVER_READY] }],
    { next: { statusTemplate: running(false) }, delayMs: 500 }
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
  stage(
    'pod-broken',
    'Pod',
    [
      absent('.metadata.deletionTimestamp'),
      absent('.status.startTime'),
      present(broken),
      { key: broken, operator: 'NotIn', values: [NEVER_READY] }
    ],
    {
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
    }
  ),
  // A kubelet takes nobody's finalizer away.
  stage('pod-delete', 'Pod', [present('.metadata.deletionTimestamp'), absent(silent)], { next: { delete: true }, delayMs: 0 })
]
