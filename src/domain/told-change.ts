import type { DecisionFacts } from './decision-facts.ts'
import { movedImageText } from './moved-image.ts'
import type { WhatChanged } from './what-changed.ts'

/** How many markers a message shows. The newest ones are of the change, most likely. */
const SHOWN = 2

/** What a decision saw of the change; undefined where it saw none. */
export function whatChanged(facts: DecisionFacts | undefined): WhatChanged | undefined {
  if (facts === undefined) return undefined
  const { change, changedAt, changedBy, differs = [], movedImage, release, markers = [] } = facts
  const at = changedAt ?? (change?.kind === 'known' ? change.at : undefined)
  if (at === undefined && differs.length === 0 && movedImage === undefined && markers.length === 0) return undefined
  return {
    ...(at === undefined ? {} : { at: new Date(at).toISOString() }),
    ...(changedBy === undefined ? {} : { by: changedBy }),
    differs: [...differs, ...(movedImage === undefined ? [] : [movedImageText(movedImage)])],
    ...(release?.latest === undefined ? {} : { release: `${release.namespace}/${release.name}, revision ${release.latest.revision}` }),
    markers: markers.slice(0, SHOWN).map(({ version, commit, author, url, by }) => ({
      version,
      ...(commit === undefined ? {} : { commit }),
      ...(author === undefined ? {} : { author }),
      ...(url === undefined ? {} : { url }),
      by
    }))
  }
}
