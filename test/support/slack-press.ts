import { createHmac } from 'node:crypto'
import type { JsonObject } from '../../src/base/json.ts'

/** What Slack posts when somebody presses a button, after its documentation of `block_actions`. */
export function pressOf(more: JsonObject = {}, action: JsonObject = {}): JsonObject {
  return {
    type: 'block_actions',
    user: { id: 'UADA', username: 'ada', name: 'ada', team_id: 'T0' },
    api_app_id: 'A0',
    token: 'xxx',
    container: { type: 'message', message_ts: '1764338400.000001', channel_id: 'C0INCIDENTS', is_ephemeral: false },
    trigger_id: '1.2.3',
    team: { id: 'T0', domain: 'example' },
    enterprise: null,
    is_enterprise_install: false,
    channel: { id: 'C0INCIDENTS', name: 'api-incidents' },
    message: { type: 'message', ts: '1764338400.000001', text: '…' },
    state: { values: {} },
    response_url: 'https://hooks.slack.com/actions/T0/1/abc',
    actions: [
      {
        action_id: 'astern.take',
        block_id: 'b1',
        text: { type: 'plain_text', text: 'I’ve got this', emoji: false },
        value: 'run-A',
        style: 'primary',
        type: 'button',
        action_ts: '1764338500.000001',
        ...action
      }
    ],
    ...more
  }
}

export const SECRET = 'signing-secret'

/** The form that carries it. */
export function formOf(payload: unknown): string {
  return `payload=${encodeURIComponent(JSON.stringify(payload))}`
}

/** The headers with which Slack signs a body. */
export function signedBy(secret: string, body: string, at: number) {
  const timestamp = String(Math.floor(at / 1_000))
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`
  return { timestamp, signature }
}
