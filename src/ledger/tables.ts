import type { Generated } from 'kysely'

/** Instants are epoch milliseconds; `…_json` columns hold JSON text. The same tables serve SQLite and PostgreSQL. */
export interface Tables {
  deliveries: { id: string; part: number; received_at: number; source: string; encoding: string; bytes: number; body: Uint8Array }
  /** How much of the raw copies of a source and day is kept: see `raw-copies.ts`. */
  raw_kept: { source: string; day: number; bytes: number }
  /** One row for all incidents of a source and identity. */
  label_sets: { source: string; identity: string; labels_json: string }
  incidents: {
    id: string
    source: string
    identity: string
    annotations_json: string
    starts_at: number
    episode_starts_at: number
    opened_at: number
    last_seen_at: number
    resolved_at: number | null
    state: string
    generator_url: string
    external_url: string
    told_at: number | null
    reopened: number
    admitted_at: number | null
    target_key: string | null
    /** Its place in the line for admission; null while it is not in line. */
    turn: number | null
    /** When Astern first measured that the symptom is there. Null where it never was: such an alert counts for nothing. */
    verified_at: number | null
    /** Since when it is there, as its queries say. */
    symptom_since: number | null
    /** A start that a sender named and that is later than the episode's: it may have begun once more. */
    later_start: number | null
    /** When that is looked at next. */
    later_start_look: number | null
  }
  runs: {
    id: string
    kind: string
    incident_id: string | null
    /** The trigger, where it is no incident. */
    trigger_json: string | null
    /** The key of a live run that was asked for. At most one run of a key is not over. */
    asked_key: string | null
    policy: string
    policy_json: string
    target_key: string | null
    state: string
    step: number
    created_at: number
    next_at: number
    ended_at: number | null
    outcome: string | null
    reason: string | null
    detail: string | null
    wrote: number
    progress_json: string | null
    symptom_json: string | null
    /** The service's ceiling when the run began. */
    ceiling: string
    owner: string | null
    fence: number
    claim_expires_at: number | null
    /** The source of its incident, or who asked for it. */
    source: string
    /** When its time to act is up. */
    escalates_at: number
    /** 1 while the run stands in line for a worker, in the order of `turn`. */
    ready: number
    turn: number
    /** 1 while its latest look confirmed the symptom. It then parks the other runs of its policy and target. */
    confirmed: number
    /** The run that parks this one. */
    parked_by: string | null
    /** Since when it holds its write back, until the other targets that alert are sampled. */
    held_since: number | null
    /** Who has taken over its affair. */
    handed_json: string | null
  }
  /** The callbacks that were accepted a short time ago: see `hand-overs.ts`. */
  callbacks: { id: string; at: number }
  deploy_guards: {
    id: string
    /** What makes two requests for a guard the same: the version that is judged, or the one that is waited for. */
    version_key: string
    target_key: string
    state: string
    next_at: number
    ended_at: number | null
    result: string | null
    /** The template identity that is judged. */
    identity: string | null
    /** The run that it began. */
    run_id: string | null
    guard_json: string
    memory_json: string | null
    owner: string | null
    fence: number
    claim_expires_at: number | null
  }
  guard_learned: { target_key: string; at: number; learned_json: string }
  intents: {
    id: string
    run_id: string
    step: number
    policy: string
    target_key: string
    namespace: string
    plan_json: string
    state: string
    sends: number
    left_identity: string | null
    created_at: number
  }
  locks: { target_key: string; run_id: string; since: number }
  loans: {
    id: string
    run_id: string
    plan_json: string
    kind: string
    state: string
    next_at: number
    after_ms: number
    told: number
  }
  deploy_markers: { id: string; of_key: string; at: number; marker_json: string }
  bad_templates: { target_key: string; identity: string; at: number; run_id: string }
  observed_templates: { seq: Generated<number>; uid: string; target_key: string; identity: string; at: number; seen: number }
  /** The newest look at each target's rollout. */
  looks: { target_key: string; at: number; looks_json: string }
  /** One row for each decision that counts rows: see `turns.ts`. */
  turns: { name: string }
  /** One row for each line of each source: see `fair-lines.ts`. */
  queues: {
    name: string
    source: string
    /** The turn that was served last. */
    turn: number
    /** Grows with each service, so that the source that was served longest ago comes first. */
    served: number
    /** Until then the source's allowance is used up. */
    free_at: number
  }
  storms: { id: string; started_at: number; last_at: number; calm_at: number; targets_json: string }
  switch: { id: number; mode: string; reason: string; by: string; at: number }
  outbox: {
    key: string
    channel: string
    message_json: string
    revision: number
    attempts: number
    next_at: number
    delivered_at: number | null
    refused: number
    last_error: string | null
    created_at: number
    /** Somebody is sending the message until this instant. It also distinguishes one claim from the next. */
    claimed_until: number | null
    /** Messages of one group are one message, which counts them: see `message-groups.ts`. */
    group_key: string | null
    grouped_json: string | null
    /** Which affair the message is about, `KIND/ID` of its subject, and its place in what the channel is told of it. */
    affair: string
    place: number
    /** Whether another channel got the message too, because this one did not take it. */
    fell_back: number
  }
  affairs: {
    affair: string
    channel: string
    /** One of AFFAIR_STATES. */
    state: string
    places: number
    memory_json: string | null
    handed_json: string | null
    updated_at: number
  }
  /** Whose alerts an affair is about. */
  affair_incidents: { incident_id: string; affair: string }
  /** When the alert that always fires was last heard. */
  heard: { name: string; at: number }
  /** One row for each way in which Astern is blind now. */
  blindness: { kind: string; id: string; since: number; detail: string; channels_json: string }
  /** A channel that asked for patience (`Retry-After`) is left alone until then. */
  channel_pauses: { channel: string; until: number }
  audit: {
    seq: number
    at: number
    kind: string
    run_id: string | null
    incident_id: string | null
    text: string
    previous: string
    hash: string
  }
  audit_head: { id: number; seq: number; hash: string; base_seq: number; base_hash: string }
}

/** An incident with its labels, which stand once for all incidents of the same source and identity. */
export type IncidentRow = Tables['incidents'] & Pick<Tables['label_sets'], 'labels_json'>
