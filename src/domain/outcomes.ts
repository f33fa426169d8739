/** How a run ended: a closed set, and the metric label of the same name. */
export const OUTCOMES = {
  recovered: 'The write helped: confirmation passed.',
  resolved: 'The alert went away before anything was written.',
  'dry-run': 'Everything was decided; nothing was written because the mode is dry-run.',
  denied: 'A guard denied the write.',
  ineffective: 'Written, not recovered, and the ladder is used up.',
  failed: 'The write failed: the cluster refused it, or the program that makes it failed.',
  unknown: 'Whether the write worked cannot be told.',
  rejected: 'A person rejected the plan.',
  expired: 'The approval did not come in time.',
  'timed-out': 'The time to act was up while the run waited.'
} as const

export type Outcome = keyof typeof OUTCOMES

export const MODES = ['off', 'dry-run', 'approve', 'auto'] as const
export type Mode = (typeof MODES)[number]

/** The lowest of the given modes. Policy, ceiling and switch each limit what Astern does. */
export function lowestMode(first: Mode, ...rest: readonly Mode[]): Mode {
  return rest.reduce((lowest, mode) => (MODES.indexOf(mode) < MODES.indexOf(lowest) ? mode : lowest), first)
}
