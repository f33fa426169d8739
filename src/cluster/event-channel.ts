import type { Clock } from '../base/clock.ts'
import { sha256 } from '../base/hashes.ts'
import { textAt } from '../base/json.ts'
import { type Channel, MESSAGE_EVENTS } from '../domain/message.ts'
import { KINDS, objectPath, parseTargetKey, targetKey } from '../domain/objects.ts'
import type { KubeClient } from './kube-client.ts'

/** Kubernetes' limit of an Event's note, bytes (facts B.8). */
const NOTE_BYTES = 1_024

/**
 * What ended, as an Event on the target, so that `kubectl describe` shows it. Visibility only: Events are short-lived, and
 * the audit log is the record. Its name is made of the message's key, so that sending twice makes one.
 */
export function eventChannel(client: KubeClient, clock: Clock, instance: string): Channel {
  return {
    takes: MESSAGE_EVENTS,
    async send(message, _revision, signal) {
      const key = message.details['target']
      const target = typeof key === 'string' ? parseTargetKey(key) : undefined
      if (target === undefined) return { kind: 'refused', detail: 'the message names no target' }
      const found = await client.get(objectPath(target), signal)
      if (found.kind === 'error' && found.status === 404) return { kind: 'refused', detail: `${targetKey(target)} is gone` }
      if (found.kind !== 'ok') return { kind: found.kind === 'error' && found.status === 403 ? 'refused' : 'failed', detail: found.detail }
      const answer = await client.post(
        `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(target.namespace)}/events`,
        {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: `${target.name.slice(0, 200)}.${sha256(message.key).slice(0, 16)}`, namespace: target.namespace },
          eventTime: `${new Date(clock.now()).toISOString().slice(0, -1)}000Z`,
          reportingController: 'astern.dev/astern',
          reportingInstance: instance.slice(0, 128),
          action: 'Remediate',
          reason: reasonOf(message.details['outcome']),
          type: message.event === 'over' ? 'Normal' : 'Warning',
          note: clip(`${message.title}\n${message.text}`),
          regarding: {
            apiVersion: `${KINDS[target.kind].group}/${KINDS[target.kind].version}`,
            kind: target.kind,
            namespace: target.namespace,
            name: target.name,
            uid: textAt(found.object, 'metadata', 'uid')
          }
        },
        signal
      )
      if (answer.kind === 'ok' || (answer.kind === 'error' && answer.status === 409)) return { kind: 'delivered' }
      const final = answer.kind === 'error' && answer.status >= 400 && answer.status < 500 && answer.status !== 429
      return { kind: final ? 'refused' : 'failed', detail: answer.detail }
    }
  }
}

function reasonOf(outcome: unknown): string {
  const words = typeof outcome === 'string' ? outcome.split('-') : ['concluded']
  return `Astern${words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`
}

function clip(text: string): string {
  let clipped = text
  while (Buffer.byteLength(clipped) > NOTE_BYTES) clipped = clipped.slice(0, -16)
  return clipped
}
