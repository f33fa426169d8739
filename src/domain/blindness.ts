/**
 * The ways in which Astern is blind: a closed set, and the labels of its metric. `watchdog`: the alert that always fires is not heard.
 * `rules`: the rules that its policies wait for are not evaluated. `deliveries`: Alertmanager holds alerts that never came. `watches`:
 * the cluster is not seen.
 */
export const BLINDNESSES = ['watchdog', 'rules', 'deliveries', 'watches'] as const
export type Blindness = (typeof BLINDNESSES)[number]

/** What people are told of each. */
export const BLIND: Readonly<Record<Blindness, { readonly title: string; readonly sentence: string; readonly todo: string }>> = {
  watchdog: {
    title: 'the Watchdog alert is not heard',
    sentence: 'The alert that always fires does not arrive: neither does any other alert, most likely.',
    todo: 'Look at Prometheus, at Alertmanager and its route for this alert, and at the way from there to Astern.'
  },
  rules: {
    title: 'alerting rules are not evaluated',
    sentence: 'Prometheus does not evaluate rules that policies wait for: their alerts cannot fire.',
    todo: 'Look at the page of the rules in Prometheus, and at its load.'
  },
  deliveries: {
    title: 'Alertmanager does not deliver',
    sentence: 'Alertmanager holds alerts for Astern’s receiver that never came.',
    todo: 'Look at the log of Alertmanager, at its receiver for Astern, and at the token there.'
  },
  watches: {
    title: 'the cluster is not seen',
    sentence: 'Changes are dated by revisions alone meanwhile, and one that cannot be dated goes to people.',
    todo: 'astern doctor tries each watch, and says what to do.'
  }
}

/** How far Astern sees in one of these ways. `unknown` is neither good nor bad; `off`: nobody asked for it. */
export type Sight =
  | { readonly kind: 'sees'; readonly detail: string }
  | { readonly kind: 'blind'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string }
  | { readonly kind: 'off' }

/** A blindness that has begun, and that people were told of where there is somebody to tell. */
export interface BegunBlindness {
  readonly kind: Blindness
  /** Of its affair. */
  readonly id: string
  readonly since: number
  readonly detail: string
  /** The channels that were told. */
  readonly channels: readonly string[]
}

/** What the policies say of blindness. */
export interface BlindSettings {
  /** The channels that are told. */
  readonly to: readonly string[]
  /** They are those whom a policy tells by default: nobody said that they are to hear of blindness. */
  readonly byDefault?: true
  readonly watchdog?: WatchdogSettings
  readonly deliveries?: { readonly receiver: string; readonly within: number }
}

/** The alert that always fires. */
export interface WatchdogSettings {
  /** Alertmanager’s matchers; all must hold. */
  readonly match: readonly string[]
  /** The source that it must come from; any where it is absent. */
  readonly source?: string
  /** How long it may be silent, milliseconds. */
  readonly within: number
}

/** Under this name the ledger keeps when the Watchdog was heard. */
export const WATCHDOG = 'watchdog'
