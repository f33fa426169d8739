import { SECOND } from '../base/clock.ts'
import { isObject, listAt, objectAt, textAt } from '../base/json.ts'
import { NEEDED_KINDS, needText, type PodNeed } from '../domain/pod-needs.ts'
import { podSecurityLabels } from '../domain/pod-security.ts'
import type { KubeAnswer } from '../domain/ports/kube.ts'
import type { Looked, Surroundings } from '../domain/ports/surroundings.ts'
import { type Right, rightText } from '../domain/rights.ts'
import type { KubeClient } from './kube-client.ts'
import { mayI } from './rights.ts'

/** A right that was asked for counts for this long. People who grant one are not kept waiting, and a decision asks once. */
const RIGHT_KEPT_MS = 30 * SECOND

/** Looks around a target. It asks for each right before it uses it, so that it is never refused what nobody meant to grant. */
export function createSurroundings(client: Pick<KubeClient, 'get' | 'metadataOf' | 'post'>, now: () => number): Surroundings {
  const asked = new Map<string, { readonly answer: Looked<undefined>; readonly until: number }>()

  async function may(right: Right, namespace: string | undefined, signal: AbortSignal): Promise<Looked<undefined>> {
    const key = `${rightText(right)} ${namespace ?? ''}`
    const known = asked.get(key)
    if (known !== undefined && now() < known.until) return known.answer
    const found = await mayI(client, right, namespace, signal)
    if (found.kind === 'unreachable') return { kind: 'no-answer', detail: found.detail }
    const answer: Looked<undefined> =
      found.kind === 'allowed' ? { kind: 'seen', value: undefined } : { kind: 'unseen', why: `no right to ${rightText(right)}` }
    asked.set(key, { answer, until: now() + RIGHT_KEPT_MS })
    return answer
  }

  return {
    async presence(namespace, need, signal) {
      const place = NEEDED_KINDS[need.kind]
      if (place === undefined) return { kind: 'unseen', why: `${needText(need)}: Astern does not look at this kind` }
      const { group, version, resource, namespaced } = place
      const permitted = await may({ verb: 'get', group, resource }, namespaced ? namespace : undefined, signal)
      if (permitted.kind !== 'seen') return ofNeed(need, permitted)
      const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
      const within = namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : ''
      const answer = await client.metadataOf(`${base}${within}/${resource}/${encodeURIComponent(need.name)}`, signal)
      if (answer.kind === 'ok')
        return { kind: 'seen', value: objectAt(answer.object, 'metadata')['deletionTimestamp'] === undefined ? 'there' : 'going' }
      if (answer.kind === 'error' && answer.status === 404) return { kind: 'seen', value: 'gone' }
      return ofNeed(need, notSeen(answer))
    },

    async quotas(namespace, signal) {
      const right = { verb: 'list', group: '', resource: 'resourcequotas' } as const
      const permitted = await may(right, namespace, signal)
      if (permitted.kind !== 'seen') return about('quotas', permitted)
      const answer = await client.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}/resourcequotas`, signal)
      if (answer.kind === 'ok') return { kind: 'seen', value: listAt(answer.object, 'items').filter(isObject) }
      return about('quotas', notSeen(answer))
    },

    async podSecurity(namespace, signal) {
      const permitted = await may({ verb: 'get', group: '', resource: 'namespaces' }, namespace, signal)
      if (permitted.kind !== 'seen') return about('what Pod Security the namespace enforces', permitted)
      const answer = await client.metadataOf(`/api/v1/namespaces/${encodeURIComponent(namespace)}`, signal)
      if (answer.kind === 'ok') return { kind: 'seen', value: podSecurityLabels(objectAt(answer.object, 'metadata')) }
      return about('what Pod Security the namespace enforces', notSeen(answer))
    },

    async serves(apiVersion, kind, signal) {
      const path = apiVersion.includes('/')
        ? `/apis/${apiVersion.split('/').map(encodeURIComponent).join('/')}`
        : `/api/${encodeURIComponent(apiVersion)}`
      const answer = await client.get(path, signal)
      if (answer.kind === 'ok')
        return listAt(answer.object, 'resources').some(
          resource => textAt(resource, 'kind') === kind && textAt(resource, 'name')?.includes('/') === false
        )
      return answer.kind === 'error' && answer.status === 404 ? false : 'no-answer'
    }
  }
}

/** What an answer means that is no success. A refusal is one of rights after all; anything else may pass. */
function notSeen(answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>): Exclude<Looked<never>, { readonly kind: 'seen' }> {
  const refusedIt = answer.kind === 'error' && answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429
  return refusedIt ? { kind: 'unseen', why: answer.detail } : { kind: 'no-answer', detail: answer.detail }
}

function about(what: string, looked: Exclude<Looked<never>, { readonly kind: 'seen' }>): Exclude<Looked<never>, { readonly kind: 'seen' }> {
  return looked.kind === 'unseen' ? { kind: 'unseen', why: `${what} (${looked.why})` } : looked
}

function ofNeed(
  need: PodNeed,
  looked: Exclude<Looked<never>, { readonly kind: 'seen' }>
): Exclude<Looked<never>, { readonly kind: 'seen' }> {
  return about(needText(need), looked)
}
