import { MINUTE } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import type { BlindSettings } from '../domain/blindness.ts'
import { alertnamesOf, parseMatchers } from './matchers.ts'
import { didYouMean, type Finding } from './problem.ts'
import type { PolicyFile } from './schema.ts'

/** Prometheus sends a firing alert again every minute or so, and Alertmanager as its `repeat_interval` says: the route of a Watchdog has a short one. */
const WATCHDOG_WITHIN_MS = 10 * MINUTE
/** Longer than `group_wait` and `group_interval` usually are together. */
const DELIVERED_WITHIN_MS = 15 * MINUTE

/** What the file says of blindness, with its defaults: without `to`, those are told whom a policy tells by default. */
export function blindOf({ blind, defaults }: PolicyFile): BlindSettings {
  const { to, watchdog, deliveries } = blind ?? {}
  return {
    to: to ?? defaults?.escalate?.to ?? [],
    ...(to === undefined ? { byDefault: true as const } : {}),
    ...(watchdog === undefined
      ? {}
      : {
          watchdog: {
            match: watchdog.match ?? ['alertname="Watchdog"'],
            ...(watchdog.source === undefined ? {} : { source: watchdog.source }),
            within: parseDuration(watchdog.within ?? '') ?? WATCHDOG_WITHIN_MS
          }
        }),
    ...(deliveries === undefined
      ? {}
      : { deliveries: { receiver: deliveries.receiver, within: parseDuration(deliveries.within ?? '') ?? DELIVERED_WITHIN_MS } })
  }
}

/** Checks what no schema can say of `blind`. */
export function checkBlind({ blind, channels, sources }: PolicyFile): Finding[] {
  const known = Object.keys(channels ?? {})
  return [
    ...(blind?.to ?? []).flatMap((name, index): Finding[] =>
      known.includes(name) ? [] : [{ path: ['blind', 'to', index], message: `there is no channel "${name}"; ${didYouMean(name, known)}` }]
    ),
    ...(blind?.watchdog?.match ?? []).flatMap((matcher, index): Finding[] => {
      const parsed = parseMatchers(matcher)
      return 'error' in parsed ? [{ path: ['blind', 'watchdog', 'match', index], message: parsed.error }] : []
    }),
    ...(blind?.deliveries !== undefined && sources?.alertmanager === undefined
      ? [
          {
            path: ['blind', 'deliveries'],
            message: 'needs sources.alertmanager, which is asked what it holds',
            atKey: true
          } satisfies Finding
        ]
      : [])
  ]
}

/** Says whether an alert is the one that always fires. */
export function watchdogMatcher(
  settings: BlindSettings['watchdog']
): (labels: Readonly<Record<string, string>>, source: string) => boolean {
  if (settings === undefined) return () => false
  const matchers = settings.match.flatMap(text => {
    const parsed = parseMatchers(text)
    if ('error' in parsed) throw new Error(`a matcher was not checked at load: ${parsed.error}`)
    return parsed
  })
  return (labels, source) =>
    (settings.source === undefined || settings.source === source) && matchers.every(({ name, matches }) => matches(labels[name] ?? ''))
}

/** The alert names that policies wait for; undefined where one waits for alerts by other labels. */
export function wantedAlerts(policies: readonly { readonly match: readonly string[] }[]): ReadonlySet<string> | undefined {
  const names = policies.map(({ match }) => {
    const parsed = match.flatMap(text => {
      const matchers = parseMatchers(text)
      return 'error' in matchers ? [] : matchers
    })
    return alertnamesOf(parsed)
  })
  return names.some(list => list === undefined) ? undefined : new Set(names.flatMap(list => list ?? []))
}
