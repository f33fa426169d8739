import type { DecisionFacts } from './decision-facts.ts'

/**
 * Why a run waits or was denied: a closed set, and the metric label of the same name.
 * Each reason has one fixed disposition; code, docs (`docs/reasons.md`) and metrics share this table.
 */
export const DISPOSITIONS = ['wait', 'people', 'end'] as const
export type Disposition = (typeof DISPOSITIONS)[number]

interface Sentence {
  /** What an on-call engineer reads at 3 a.m. */
  readonly sentence: string
}

/** A reason to wait names what ends the wait. One that waiting cannot end is none, and people are told at once (rules 6). */
type ReasonEntry =
  | (Sentence & { readonly disposition: 'wait'; readonly ends: string })
  | (Sentence & { readonly disposition: Exclude<Disposition, 'wait'> })

export const REASONS = {
  'switch-lowered': {
    disposition: 'wait',
    sentence: 'The switch is lowered: Astern evaluates and audits, and writes nothing.',
    ends: 'somebody raises the switch'
  },
  frozen: {
    disposition: 'wait',
    sentence: 'A freeze window is open.',
    ends: 'the window closes'
  },
  'target-paused': {
    disposition: 'wait',
    sentence: 'The target is paused; someone is working on it.',
    ends: 'somebody resumes, promotes or aborts it'
  },
  'rollout-moving': {
    disposition: 'wait',
    sentence: 'A rollout of the target is under way.',
    ends: 'it is complete, or it stalls: at its deadline, or after ten minutes without progress where it has none'
  },
  'window-not-over': {
    disposition: 'wait',
    sentence: 'The query window still reaches back to before the suspect’s rollout was complete; its numbers are not the suspect’s alone.',
    ends: 'the instant that is named; a pod that gets ready again does not move it'
  },
  silenced: {
    disposition: 'wait',
    sentence: 'Someone silenced the alert in Alertmanager.',
    ends: 'the silence is over'
  },
  inhibited: {
    disposition: 'wait',
    sentence: 'Alertmanager inhibits the alert: another one is the cause.',
    ends: 'the other alert is over'
  },
  'target-busy': {
    disposition: 'wait',
    sentence: 'Another run works on the target.',
    ends: 'that run ends, as every run does by its `escalate.after`'
  },
  'source-unreachable': {
    disposition: 'wait',
    sentence: 'The metrics source cannot be reached or does not answer properly.',
    ends: 'the source answers again'
  },
  'cluster-unreachable': {
    disposition: 'wait',
    sentence: 'The Kubernetes API cannot be reached.',
    ends: 'the API server answers again'
  },
  inconclusive: {
    disposition: 'wait',
    sentence: 'The query gave no number to decide on; no data is not bad, and not good.',
    ends: 'the queries give numbers again'
  },
  'symptom-not-confirmed': {
    disposition: 'wait',
    sentence: 'The alert fires, and the verification does not confirm its symptom.',
    ends: 'the queries fail, or the alert is over'
  },
  'changed-since-symptom': {
    disposition: 'wait',
    sentence: 'The target was changed after the symptom began: someone is fixing forward.',
    ends: 'the change helps and the alert is over, or the symptom begins anew after it'
  },
  'clock-skew': {
    disposition: 'wait',
    sentence: 'The clocks of Astern and a source differ too much, or are not known well enough, to tell what came first.',
    ends: 'the clocks agree again, or are known better: each answer narrows them down'
  },
  'alert-unconfirmed': {
    disposition: 'wait',
    sentence: 'The Alertmanager that the alert is said to come from does not know it.',
    ends: 'Alertmanager knows the alert'
  },
  'resolve-unconfirmed': {
    disposition: 'wait',
    sentence: 'The alert was reported as resolved, and its queries do not confirm that.',
    ends: 'the queries pass, or the alert fires again'
  },
  'disruption-budget': {
    disposition: 'wait',
    sentence: 'A disruption budget does not allow a pod to go.',
    ends: 'so many pods are healthy that it lets one go, or somebody changes it'
  },
  'storm-looming': {
    disposition: 'wait',
    sentence: 'Many targets alert at once, and not all of them are sampled yet: it may be a storm. Waited for 30 seconds at most.',
    ends: 'every target is sampled, after 30 seconds at most'
  },
  'no-step-applies': {
    disposition: 'wait',
    sentence: 'No rung of the ladder applies: the conditions of none hold right now.',
    ends: 'the query of a rung fails; where only `changedWithin` stands against all of them it is `no-recent-change`'
  },
  'waiting-for-approval': {
    disposition: 'wait',
    sentence: 'A person must approve the plan.',
    ends: 'a person approves or rejects it, or its time is up'
  },
  'cluster-busy': {
    disposition: 'wait',
    sentence: 'The API server does not take the write right now, and says that it may later.',
    ends: 'the API server takes writes again; it is not asked before its `Retry-After`'
  },
  'webhook-unreachable': {
    disposition: 'wait',
    sentence: 'An admission webhook that the API server must ask does not answer, so nothing can be written.',
    ends: 'the webhook answers again, or somebody takes it away'
  },
  'in-hand': {
    disposition: 'wait',
    sentence: 'Somebody has taken over another alert of the target: Astern keeps its hands off.',
    ends: 'that alert is over'
  },
  storm: { disposition: 'people', sentence: 'Many targets alert at once: a shared cause is likely, and nothing is written.' },
  cooldown: { disposition: 'people', sentence: 'An earlier run worked on the target a short time ago.' },
  'budget-used-up': { disposition: 'people', sentence: 'A budget of automatic writes is used up.' },
  'no-recent-change': {
    disposition: 'people',
    sentence: 'The target was not changed in the window before the symptom began; undoing would not help.'
  },
  'change-time-unknown': { disposition: 'people', sentence: 'When the target was changed cannot be told for sure.' },
  'order-unclear': {
    disposition: 'people',
    sentence: 'Whether the change or the symptom came first cannot be told: both lie within what their clocks leave open.'
  },
  'operator-change': {
    disposition: 'people',
    sentence:
      'The last change is an operator’s, of annotations or variables only: nobody is fixing forward, and undoing it would bring nothing back.'
  },
  'image-moved': {
    disposition: 'people',
    sentence: 'One tag names another image than before, and pods of one template run both: going back to an earlier template cannot help.'
  },
  'no-good-revision': { disposition: 'people', sentence: 'No earlier revision is proven good; there is nothing to go back to.' },
  'cannot-run': {
    disposition: 'people',
    sentence: 'Nothing that could be gone back to could run here today: what it needs is gone, or the cluster would not take it.'
  },
  'rollout-stuck': {
    disposition: 'people',
    sentence: 'The target’s rollout stands still on something that no write gets going.'
  },
  'redeployed-bad': { disposition: 'people', sentence: 'A version that was undone a short time ago was deployed again.' },
  'cause-firing': { disposition: 'people', sentence: 'A declared cause fires; the target only shows the symptom.' },
  'namespace-not-allowed': { disposition: 'people', sentence: 'The target’s namespace is not among those that Astern may write to.' },
  'gitops-owned': { disposition: 'people', sentence: 'A GitOps controller enforces the target and would revert the write.' },
  'controller-owned': { disposition: 'people', sentence: 'Another controller owns the target and would revert the write.' },
  'helm-owned': { disposition: 'people', sentence: 'A Helm release owns the target: the release must be rolled back, not the workload.' },
  'not-helm-owned': { disposition: 'people', sentence: 'No Helm release owns the target; there is none to roll back.' },
  'changed-past-helm': {
    disposition: 'people',
    sentence: 'The target was changed past Helm: the release still declares an earlier version, and rolling it back would be no undo.'
  },
  'release-stuck': { disposition: 'people', sentence: 'An operation on the Helm release never ended; a person must look first.' },
  'autoscaler-owned': {
    disposition: 'people',
    sentence: 'An autoscaler decides the number of pods, and the policy does not say to work through it.'
  },
  'out-of-bounds': { disposition: 'people', sentence: 'The policy’s bounds leave no room for the write.' },
  'no-room': { disposition: 'people', sentence: 'A quota has no room for more pods.' },
  'too-many-unhealthy': { disposition: 'people', sentence: 'Too many pods are unhealthy: that is no single pod’s fault.' },
  'breaker-unknown': { disposition: 'people', sentence: 'The circuit breaker is not there, or its state cannot be read.' },
  'address-refused': { disposition: 'people', sentence: 'The address is not one that Astern may call.' },
  'unsuitable-target': { disposition: 'people', sentence: 'The action cannot do this for such a target.' },
  'target-not-found': { disposition: 'people', sentence: 'The target does not exist.' },
  'target-ambiguous': { disposition: 'people', sentence: 'The target cannot be told apart from another object.' },
  'label-missing': { disposition: 'people', sentence: 'The alert lacks a label that the policy needs.' },
  'label-unsafe': { disposition: 'people', sentence: 'A label value is not safe in the place where the policy puts it.' },
  'one-way-door': { disposition: 'people', sentence: 'The target says that it must not be rolled back (astern.dev/rollback: deny).' },
  forbidden: { disposition: 'people', sentence: 'The cluster does not permit Astern to do this.' },
  'too-large': { disposition: 'people', sentence: 'The write, or what it would make, is larger than the cluster takes.' },
  'query-invalid': { disposition: 'people', sentence: 'The source rejects the query of the policy.' },
  'already-so': { disposition: 'people', sentence: 'The target is already as the write would make it, and the alert goes on.' },
  'mode-off': { disposition: 'end', sentence: 'The policy or the service is off.' },
  'mode-dry-run': { disposition: 'end', sentence: 'Dry run: everything was decided, nothing was written.' },
  'sent-without-tokens': {
    disposition: 'end',
    sentence: 'It came in while there were no tokens, from anybody; now that there are, it is not acted on.'
  },
  'handed-over': { disposition: 'end', sentence: 'Somebody has taken it over: Astern writes nothing more for it.' },
  resolved: { disposition: 'end', sentence: 'The alert resolved before anything was written, and its queries pass.' }
} as const satisfies Record<string, ReasonEntry>

export type Reason = keyof typeof REASONS

export function isReason(value: string): value is Reason {
  return Object.hasOwn(REASONS, value)
}

export function dispositionOf(reason: Reason): Disposition {
  return REASONS[reason].disposition
}

/** Why a stage or a guard refuses: one reason of the closed set, what was seen, and when to look again where that is known. */
export interface Refusal {
  readonly reason: Reason
  readonly detail: string
  readonly facts?: DecisionFacts
  /** What holds the target up, as a part of `detail`. It is audited anew when it changes. */
  readonly cause?: string
  /** Epoch milliseconds; only for `wait` reasons whose end is known, such as `window-not-over`. */
  readonly until?: number
  /** Milliseconds: the other side asks not to be asked again before. */
  readonly retryAfterMs?: number
}
