import { ACTIONS } from '../actions/registry.ts'
import type { KubeClient } from '../cluster/kube-client.ts'
import { mayI, readRights } from '../cluster/rights.ts'
import { scopesOf } from '../cluster/watcher.ts'
import type { Mode } from '../domain/outcomes.ts'
import type { Policy } from '../domain/policy.ts'
import { type Right, rightText } from '../domain/rights.ts'
import { EVENT_RIGHT } from '../notify/kubernetes-event/kubernetes-event.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import { clockFinding } from './clock.ts'
import { type Finding, fine, trouble } from './finding.ts'

export async function checkCluster(
  kube: KubeClient,
  server: string,
  offset: ClockOffset,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const version = await kube.get('/version', signal)
  if (version.kind !== 'ok')
    return [
      trouble(
        'cluster',
        'unreachable',
        `${server}: ${version.detail}`,
        'check --kubeconfig and --context; in the cluster, the NetworkPolicy'
      )
    ]
  return [
    fine('cluster', `${server}, ${String(version.object['gitVersion'] ?? 'version unknown')}`),
    ...clockFinding('cluster', offset.value())
  ]
}

interface Need {
  readonly namespace: string | undefined
  readonly rights: readonly Right[]
  readonly missing: 'bad' | 'warning'
  readonly todo: (missing: string, place: string) => string
}

/** Asks the API server about each right that the policies need, in each namespace where they need it. */
export async function checkRights(
  kube: KubeClient,
  policies: readonly Policy[],
  ceiling: Mode,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const need of needsOf(policies, ceiling)) {
    const place = need.namespace ?? 'all namespaces'
    const check = `rights in ${place}`
    const missing: Right[] = []
    let failure: string | undefined
    for (const right of need.rights) {
      const answer = await mayI(kube, right, need.namespace, signal)
      if (answer.kind === 'denied') missing.push(right)
      if (answer.kind === 'unreachable') failure = answer.detail
    }
    if (failure !== undefined) findings.push(trouble(check, 'unreachable', failure, 'mend the way to the cluster first'))
    else if (missing.length > 0)
      findings.push(
        trouble(
          check,
          need.missing,
          `not allowed: ${missing.map(rightText).join(', ')}`,
          need.todo(missing.map(rightText).join(', '), place)
        )
      )
    else findings.push(fine(check, need.rights.map(rightText).join(', ')))
  }
  return findings
}

function needsOf(policies: readonly Policy[], ceiling: Mode): readonly Need[] {
  const places = scopesOf(policies.flatMap(policy => policy.guards.namespaces))
  const byGlob = places.includes(undefined) ? '; or name the namespaces in the policies plainly' : ''
  return places.flatMap((namespace): Need[] => {
    const here = policies.filter(policy => namespace === undefined || policy.guards.namespaces.includes(namespace))
    const acting = ceiling === 'auto' && here.some(policy => policy.mode === 'auto')
    const distinct = (rights: readonly Right[]): readonly Right[] => [...new Map(rights.map(right => [rightText(right), right])).values()]
    const rungs = here.flatMap(policy =>
      policy.steps.map(step => ({ kind: (step.target ?? policy.target).kind, action: ACTIONS.find(({ name }) => name === step.action) }))
    )
    const reads = distinct(rungs.flatMap(({ kind }) => readRights(kind)))
    const looks = distinct(rungs.flatMap(({ action }) => action?.looks ?? []))
    const writes = distinct(rungs.flatMap(({ kind, action }) => action?.rights(kind) ?? []))
    const needs: readonly Need[] = [
      {
        namespace,
        rights: reads,
        missing: 'bad',
        todo: (missing, place) => `grant ${missing} in ${place} (docs/install.md)${byGlob}: without it nothing can be decided`
      },
      {
        namespace,
        rights: writes,
        missing: acting ? 'bad' : 'warning',
        todo: (missing, place) =>
          acting
            ? `grant ${missing} in ${place}, or set the mode to dry-run: every write would end as \`forbidden\``
            : `nothing, while the mode is dry-run: the server-side dry run is then reported as not permitted. For auto, grant ${missing} in ${place}`
      },
      {
        namespace,
        rights: looks,
        missing: 'warning',
        todo: (missing, place) =>
          `grant ${missing} in ${place}: without it nobody looks whether what an older version needs is still there, and each plan says so`
      },
      {
        namespace,
        // A dry run sends no messages, so it needs no right for them.
        rights: acting ? [EVENT_RIGHT] : [],
        missing: 'warning',
        todo: (missing, place) => `grant ${missing} in ${place}, and \`kubectl describe\` shows what Astern did`
      }
    ]
    return needs.filter(need => need.rights.length > 0)
  })
}
