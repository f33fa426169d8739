import { type Static, Type } from 'typebox'
import { sha256 } from '../../base/hashes.ts'
import type { JsonObject } from '../../base/json.ts'
import { isHandedOver } from '../../domain/hand-over.ts'
import { affairOf, type Message } from '../../domain/message.ts'
import { deliveredBy, failedFor } from '../answers.ts'
import { type ChannelTools, channelKind, type Opened } from '../channel-kind.ts'
import { secureUrlFault } from '../channel-url.ts'
import { cutTo, oneLine } from '../cut.ts'
import { byLabel, type Facts, factsOf, type Origin } from '../facts.ts'
import { reachable } from '../probe.ts'

const Settings = Type.Object(
  {
    routingKeyFile: Type.String({ minLength: 1, description: 'File with the integration key of a service (Events API v2).' }),
    url: Type.Optional(
      Type.String({ minLength: 1, description: 'Default https://events.pagerduty.com; https://events.eu.pagerduty.com in Europe.' })
    ),
    changeEvents: Type.Optional(
      Type.Boolean({
        description: 'Whether each write is sent as a change event; default true. The key of an orchestration (R…) takes none.'
      })
    )
  },
  { additionalProperties: false }
)

const DEADLINE_MS = 10_000
/** PagerDuty counts by the minute, and names no time. */
const PATIENCE_MS = 60_000
const SUMMARY = 1_024
const DEDUP_KEY = 255
/** How long an integration key is, characters. */
const KEY = 32
/** How much of a label is told as a field of its own, characters. PagerDuty names no limit. */
const FIELD = 255
/** PagerDuty takes 512 kB. Facts are far below that; the details of a large storm may not be. */
const MOST_BYTES = 500_000

/**
 * Triggers an incident when people are needed, under one key for the whole affair, and resolves it when that is over. Astern never
 * acknowledges: that would stop the escalation to people.
 */
export const pagerduty = channelKind({
  name: 'pagerduty',
  takes: ['acted', 'needs-people', 'approval', 'update'],
  follows: ['over'],
  // A change event belongs to no incident, and another part of PagerDuty takes it: while that is down people are called all the same.
  apart: ['acted'],
  settings: Settings,
  check({ url }) {
    const message = url === undefined ? undefined : secureUrlFault(url)
    return message === undefined ? [] : [{ path: ['url'], message }]
  },
  open
})

function open({ routingKeyFile, url, changeEvents = true }: Static<typeof Settings>, tools: ChannelTools): Opened {
  const { http, clock, readFile, origin } = tools
  const base = (url ?? 'https://events.pagerduty.com').replace(/\/+$/, '')
  return {
    async probe(signal) {
      const { length } = await readFile(routingKeyFile)
      // The API tells nobody whether it knows a key but whoever sends an event by it.
      return length === KEY
        ? reachable(http, base, signal)
        : { kind: 'bad', detail: `a routing key has ${KEY} characters, and this one ${length}` }
    },

    async send(message, { memory }, signal) {
      const triggered = memory?.['triggered'] === true
      if (message.event === 'acted' && !changeEvents) return { kind: 'delivered' }
      // There is nothing to resolve where only a write was told.
      if (message.event === 'over' && !triggered) return { kind: 'delivered' }
      // Somebody has it: a trigger would page the others, or open anew what was resolved by hand, and an acknowledgement is never sent.
      if (message.event === 'update' && isHandedOver(message)) return { kind: 'delivered' }
      const routingKey = await readFile(routingKeyFile)
      const body = message.event === 'acted' ? changeOf(message, clock.now(), tools) : eventOf(message, clock.now(), tools)
      const result = await http.request(
        {
          method: 'POST',
          url: `${base}/v2/${message.event === 'acted' ? 'change/enqueue' : 'enqueue'}`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ routing_key: routingKey, ...body }),
          deadlineMs: DEADLINE_MS
        },
        signal
      )
      if (result.kind === 'response' && result.status === 429) return failedFor(result, clock.now(), PATIENCE_MS)
      const delivered = deliveredBy(result, clock.now())
      if (delivered.kind !== 'delivered' || message.event === 'acted') return delivered
      return { kind: 'delivered', remember: { triggered: message.event !== 'over' } }
    }
  }

  function eventOf(message: Message, now: number, { instance }: ChannelTools): JsonObject {
    const facts = factsOf(message, origin)
    return {
      event_action: message.event === 'over' ? 'resolve' : 'trigger',
      dedup_key: dedupKey(message),
      // A resolve has its payload too: rules that route events by it would lose it otherwise.
      payload: {
        summary: cutTo(facts.title, SUMMARY),
        source: origin?.clusterName ?? instance,
        severity: message.severity,
        timestamp: new Date(now).toISOString(),
        ...component(message),
        class: field(message.labels['alertname'] ?? message.subject.kind),
        custom_details: detailsOf(facts, message)
      },
      ...linksOf(facts, origin)
    }
  }

  function changeOf(message: Message, now: number, { instance }: ChannelTools): JsonObject {
    const facts = factsOf(message, origin)
    return {
      payload: {
        summary: cutTo(facts.title, SUMMARY),
        source: origin?.clusterName ?? instance,
        timestamp: new Date(now).toISOString(),
        custom_details: detailsOf(facts, message)
      },
      links: facts.links.map(({ text, url: href }) => ({ href, text }))
    }
  }
}

/** The same for all messages of an affair, so that sending one twice is sending it once. */
export function dedupKey({ subject }: Pick<Message, 'subject'>): string {
  const key = `astern/${affairOf(subject)}`
  return key.length <= DEDUP_KEY ? key : `astern/${sha256(key)}`
}

function component({ details, labels }: Message): JsonObject {
  const target = details['target']
  return {
    ...(typeof target === 'string' ? { component: field(target) } : {}),
    ...(labels['namespace'] === undefined ? {} : { group: field(labels['namespace']) })
  }
}

/** A label may be megabytes long, and the whole event would then be refused. Rules of PagerDuty that route by it see its beginning. */
function field(text: string): string {
  return cutTo(oneLine(text.slice(0, SUMMARY)), FIELD)
}

function detailsOf(facts: Facts, message: Message): JsonObject {
  const told = { text: cutTo(facts.text, 10_000), ...byLabel(facts.lines) }
  const all = { ...told, details: message.details }
  return Buffer.byteLength(JSON.stringify(all)) <= MOST_BYTES ? all : { ...told, details: 'too large to send: see astern runs' }
}

function linksOf(facts: Facts, origin: Origin | undefined): JsonObject {
  return {
    links: facts.links.map(({ text, url: href }) => ({ href, text })),
    client: 'Astern',
    ...(origin?.externalUrl === undefined ? {} : { client_url: origin.externalUrl })
  }
}
