import type { Message } from '../../src/domain/message.ts'
import type { ChannelTools } from '../../src/notify/channel-kind.ts'
import type { HttpRequest, HttpResult } from '../../src/outgoing/http-client.ts'
import { StoryClock } from './bench.ts'
import { noKube } from './story-tools.ts'

export const MESSAGE: Message = {
  key: 'run-1/denied/people',
  channel: 'people',
  subject: { kind: 'run', id: 'run-1' },
  event: 'needs-people',
  title: 'Deployment/shop/api: denied (storm)',
  text: 'why',
  severity: 'critical',
  runId: 'run-1',
  labels: { alertname: 'A', namespace: 'shop', pod: 'x' },
  details: { outcome: 'denied', target: 'Deployment/shop/api' }
}

/** Tools of which only those work that a test is about. */
export function channelTools(more: Partial<ChannelTools> = {}): ChannelTools {
  return {
    http: {
      request: async ({ url }) => {
        throw new Error(`a request to ${url} was not expected`)
      }
    },
    kube: noKube,
    mail: async ({ host }) => {
      throw new Error(`a mail by ${host} was not expected`)
    },
    mailCheck: async ({ host }) => {
      throw new Error(`a look at ${host} was not expected`)
    },
    line: (_fields, text) => {
      throw new Error(`the line ${text} was not expected`)
    },
    clock: new StoryClock(),
    readFile: async path => {
      throw new Error(`${path} was not expected`)
    },
    instance: 'astern-0',
    ...more
  }
}

/** Answers every request with this status, or not at all, and keeps what was asked. */
export function answering(
  status: number | 'unreachable',
  body = ''
): { readonly http: ChannelTools['http']; readonly requests: HttpRequest[] } {
  const requests: HttpRequest[] = []
  return {
    requests,
    http: {
      async request(request): Promise<HttpResult> {
        requests.push(request)
        return status === 'unreachable'
          ? { kind: 'failed', problem: 'unreachable', detail: 'connection refused' }
          : { kind: 'response', status, headers: {}, body, sentAt: 0, receivedAt: 0 }
      }
    }
  }
}
