import type { KubeClient } from '../cluster/kube-client.ts'
import { scopesOf } from '../cluster/watcher.ts'
import { eachPage } from '../domain/long-list.ts'
import { collectionPath, type TargetKind } from '../domain/objects.ts'
import type { Policy } from '../domain/policy.ts'
import type { KubeAnswer } from '../domain/ports/kube.ts'
import { blindnessOf, type WatchState, watchedThing } from '../domain/watch-state.ts'
import { type Finding, fine, trouble } from './finding.ts'

/** A watch that is not opened within this time, milliseconds, is told as one that cannot be. */
const OPENED_WITHIN_MS = 10_000

/** Lists and watches, for a moment, everything that `serve` would watch for these policies: so a blind watch is found before the alert. */
export async function checkWatches(
  kube: Pick<KubeClient, 'page' | 'watch'>,
  policies: readonly Policy[],
  now: () => number,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const kinds = new Set(policies.flatMap(({ target, steps }) => [target, ...steps.flatMap(step => step.target ?? [])].map(one => one.kind)))
  const findings: Finding[] = []
  for (const kind of kinds)
    for (const namespace of scopesOf(policies.flatMap(policy => policy.guards.namespaces)))
      findings.push(await tried(kube, { kind, ...(namespace === undefined ? {} : { namespace }) }, now, signal))
  return findings
}

async function tried(
  kube: Pick<KubeClient, 'page' | 'watch'>,
  scope: Pick<WatchState, 'kind' | 'namespace'>,
  now: () => number,
  signal: AbortSignal
): Promise<Finding> {
  const check = `watching ${watchedThing(scope)}`
  const path = collectionPath(scope.kind, scope.namespace)
  const begun = now()
  let count = 0
  const list = await eachPage(
    page => kube.page(page, signal),
    path,
    items => {
      count += items.length
    }
  )
  if (list.kind !== 'ok') return blind(check, scope.kind, list)
  const took = now() - begun
  const enough = new AbortController()
  let opened = false
  const watch = await kube.watch(
    `${path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=60&resourceVersion=${encodeURIComponent(list.version)}`,
    () => {},
    AbortSignal.any([signal, enough.signal, AbortSignal.timeout(OPENED_WITHIN_MS)]),
    () => {
      opened = true
      enough.abort()
    }
  )
  if (!opened && watch.kind !== 'ok') return blind(check, scope.kind, watch)
  return fine(check, `${count.toLocaleString('en')} listed in ${(took / 1_000).toFixed(1)} s`)
}

function blind(check: string, kind: TargetKind, answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>): Finding {
  const state = blindnessOf(answer)
  const detail = `${state}: ${answer.detail}`
  switch (state) {
    case 'forbidden':
      return trouble(check, 'bad', detail, 'grant list and watch there (docs/install.md): changes would not be seen as they happen')
    case 'not-served':
      return trouble(check, 'bad', detail, `install the kind ${kind}, or take it out of the policies`)
    case 'too-large':
      return trouble(check, 'bad', detail, 'a single object is too long to be read: name the namespaces in the policies plainly')
    case 'unreachable':
      return trouble(check, 'unreachable', detail, 'mend the way to the API server: a proxy must let long and slow answers through')
  }
}
