import { Type } from 'typebox'
import { sha256 } from '../../base/hashes.ts'
import { type JsonObject, textAt } from '../../base/json.ts'
import { isHandedOver } from '../../domain/hand-over.ts'
import { MESSAGE_EVENTS, type Message, sendingKey } from '../../domain/message.ts'
import { KINDS, type ObjectRef, objectPath, parseTargetKey, targetKey } from '../../domain/objects.ts'
import type { Right } from '../../domain/rights.ts'
import { type ChannelTools, channelKind, type Opened } from '../channel-kind.ts'
import { clean, oneLine } from '../cut.ts'

/** Kubernetes' limit of an Event's note, bytes (facts B.8). */
const NOTE_BYTES = 1_024

/** The Event on the target that says what was done, or not done. */
export const EVENT_RIGHT: Right = { verb: 'create', group: 'events.k8s.io', resource: 'events' }

/**
 * Shows the end of a run as an Event on the target, so that `kubectl describe` lists it. Events are short-lived; the audit log is
 * the record. The Event's name is made of the message's key and revision, so that sending twice makes one Event, and what changed since is
 * another.
 */
export const kubernetesEvent = channelKind({
  name: 'kubernetes-event',
  standing: true,
  // What was written is in the object itself, with its mark.
  takes: MESSAGE_EVENTS.filter(event => event !== 'acted'),
  settings: Type.Object({}, { additionalProperties: false }),
  open: (_settings, tools) => open(tools)
})

function open({ kube, clock, instance }: ChannelTools): Opened {
  return {
    probe: async () => ({ kind: 'good', detail: 'its right is among the rights of each namespace' }),

    async send(message, { revision }, signal) {
      const key = message.details['target']
      const target = typeof key === 'string' ? parseTargetKey(key) : undefined
      if (target === undefined) return { kind: 'refused', detail: 'the message names no target' }
      const found = await kube.get(objectPath(target), signal)
      if (found.kind === 'error' && found.status === 404) return { kind: 'refused', detail: `${targetKey(target)} is gone` }
      if (found.kind !== 'ok') return { kind: found.kind === 'error' && found.status === 403 ? 'refused' : 'failed', detail: found.detail }
      const answer = await kube.post(
        `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(target.namespace)}/events`,
        {
          ...toEvent(message, { target, uid: textAt(found.object, 'metadata', 'uid'), revision }),
          eventTime: `${new Date(clock.now()).toISOString().slice(0, -1)}000Z`,
          reportingController: 'astern.dev/astern',
          reportingInstance: instance.slice(0, 128)
        },
        signal
      )
      if (answer.kind === 'ok' || (answer.kind === 'error' && answer.status === 409)) return { kind: 'delivered' }
      const final = answer.kind === 'error' && answer.status >= 400 && answer.status < 500 && answer.status !== 429
      return { kind: final ? 'refused' : 'failed', detail: answer.detail }
    }
  }
}

interface About {
  readonly target: ObjectRef
  readonly uid: string | undefined
  readonly revision: number
}

function toEvent(message: Message, { target, uid, revision }: About): JsonObject {
  const { kind, namespace, name } = target
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${name.slice(0, 200)}.${sha256(sendingKey(message, { revision })).slice(0, 16)}`, namespace },
    action: 'Remediate',
    reason: reasonOf(message.details['outcome']),
    type: typeOf(message),
    // It is shown on terminals: what moves a cursor there is left out.
    note: clip(`${oneLine(message.title)}\n${clean(message.text)}`),
    regarding: { apiVersion: `${KINDS[kind].group}/${KINDS[kind].version}`, kind, namespace, name, uid }
  }
}

/** What people must look at is a warning, also when more became known of it, until somebody has it. */
function typeOf(message: Message): 'Normal' | 'Warning' {
  switch (message.event) {
    case 'needs-people':
    case 'approval':
      return 'Warning'
    case 'update':
      return isHandedOver(message) ? 'Normal' : 'Warning'
    case 'acted':
    case 'over':
      return 'Normal'
  }
}

function reasonOf(outcome: unknown): string {
  const words = typeof outcome === 'string' ? outcome.split('-') : ['concluded']
  return `Astern${words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`
}

function clip(text: string): string {
  // A character has at least one byte.
  let clipped = text.slice(0, NOTE_BYTES)
  while (Buffer.byteLength(clipped) > NOTE_BYTES) clipped = clipped.slice(0, -16)
  return clipped.toWellFormed()
}
