import type { Clock, Ids } from '../base/clock.ts'
import { MINUTE } from '../base/clock.ts'
import { labelsIdentity } from '../base/hashes.ts'
import { type Blindness, type BlindSettings, type Sight, WATCHDOG } from '../domain/blindness.ts'
import { OWN_LABEL } from '../domain/message.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { Policy } from '../domain/policy.ts'
import type { BlindLedger } from '../domain/ports/blind-ledger.ts'
import type { Channels } from '../domain/ports/channels.ts'
import type { WatchState } from '../domain/watch-state.ts'
import { DeliveriesJudge } from '../lookout/deliveries.ts'
import { createLookout, type Lookout, type LookoutPorts } from '../lookout/lookout.ts'
import type { Patience } from '../lookout/patience.ts'
import { RulesJudge } from '../lookout/rules.ts'
import { watchdogSight } from '../lookout/watchdog.ts'
import { watchesSight } from '../lookout/watches.ts'
import { wantedAlerts, watchdogMatcher } from '../policies/blind.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Sources } from './sources.ts'

export interface LookingOutParts {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: BlindLedger
  readonly channels: Channels
  readonly settings: () => BlindSettings
  readonly policies: () => readonly Policy[]
  readonly ceiling: Mode
  readonly sources: () => Pick<Sources, 'prometheus' | 'heldAlerts'>
  readonly watches: () => readonly WatchState[]
  readonly logger: Logger
  readonly failed: LookoutPorts['failed']
  readonly turned: () => void
}

/** The rules of a large Prometheus are some megabytes, so that they are asked for this seldom. */
const RULES_EVERY_MS = MINUTE
/** What a restart of Prometheus or of the API server takes is no blindness. */
const PASSES_MS = 5 * MINUTE

/** Puts together how Astern looks whether it still hears and sees. */
export function createLookingOut(parts: LookingOutParts): Lookout {
  const { clock, ids, ledger, channels, settings, logger } = parts
  const expected = since(clock)
  const sights: LookoutPorts['sights'] = {
    async watchdog() {
      const { watchdog } = settings()
      const heardAt = watchdog === undefined ? undefined : await ledger.lastHeard(WATCHDOG)
      return watchdogSight(watchdog, { heardAt, expectedSince: expected(JSON.stringify(watchdog)), now: clock.now() })
    },
    rules: rulesSight(parts),
    deliveries: deliveriesSight(parts),
    watches: async () => watchesSight(parts.watches())
  }
  return createLookout({
    ...{ clock, ids, ledger, channels, sights },
    to: () => toldOf(settings(), parts),
    patience: kind => patienceOf(kind, settings()),
    told(kind, how, detail) {
      if (how === 'began') logger.error({ kind, detail }, 'Astern is blind')
      else logger.info({ kind, detail }, 'Astern sees again')
    },
    failed: parts.failed,
    turned: parts.turned
  })
}

/** A dry run tells nobody anything (rules 6), but for those who are named for this very thing. */
function toldOf({ to, byDefault }: BlindSettings, { policies, ceiling }: LookingOutParts): readonly string[] {
  const acts = ceiling === 'auto' && policies().some(policy => policy.mode === 'auto')
  return byDefault === true && !acts ? [] : to
}

/** The Watchdog and the deliveries have their time already before they count as lost. It is over as slowly, so that nothing flaps. */
function patienceOf(kind: Blindness, { watchdog }: BlindSettings): Patience {
  switch (kind) {
    case 'watchdog':
      return { begin: 0, end: watchdog?.within ?? 0 }
    case 'deliveries':
      return { begin: 0, end: PASSES_MS }
    case 'rules':
    case 'watches':
      return { begin: PASSES_MS, end: PASSES_MS }
  }
}

/** Since when something is as it is now, by its text. */
function since({ now }: Clock): (text: string | undefined) => number {
  let before: string | undefined
  let at = now()
  let first = true
  return text => {
    if (!first && text !== before) at = now()
    first = false
    before = text
    return at
  }
}

function rulesSight({ clock, sources, policies }: LookingOutParts): LookoutPorts['sights']['rules'] {
  const judge = new RulesJudge()
  let last: Sight = { kind: 'off' }
  let askedAt = Number.NEGATIVE_INFINITY
  return async signal => {
    const { prometheus } = sources()
    if (prometheus === undefined || policies().length === 0) return { kind: 'off' }
    if (clock.now() - askedAt < RULES_EVERY_MS) return last
    askedAt = clock.now()
    const groups = await prometheus.ruleGroups(signal)
    last =
      'problem' in groups
        ? { kind: 'unknown', detail: groups.problem }
        : judge.judge(groups, wantedAlerts(policies()), clock.now() + prometheus.clockOffset())
    return last
  }
}

function deliveriesSight({ clock, sources, settings, ledger }: LookingOutParts): LookoutPorts['sights']['deliveries'] {
  const judge = new DeliveriesJudge()
  return async signal => {
    const { deliveries, watchdog } = settings()
    const { heldAlerts } = sources()
    if (deliveries === undefined || heldAlerts === undefined) return { kind: 'off' }
    const answer = await heldAlerts(deliveries.receiver, signal)
    if ('problem' in answer) return { kind: 'unknown', detail: answer.problem }
    // Neither of them opens an incident.
    const isWatchdog = watchdogMatcher(watchdog)
    const held = new Map(
      answer
        .filter(({ labels }) => labels[OWN_LABEL] === undefined && !isWatchdog(labels, watchdog?.source ?? ''))
        .map(({ labels }) => [labelsIdentity(labels), labels['alertname'] ?? 'an alert without a name'])
    )
    const open = await ledger.openIdentities([...held.keys()])
    return judge.judge(held, open, { within: deliveries.within, now: clock.now() })
  }
}
