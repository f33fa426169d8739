import type { Test } from 'tap'
import type { JsonObject } from '../../src/base/json.ts'
import { type Pagerduty, pagerduty } from './channels/pagerduty.ts'
import { type Slack, slack } from './channels/slack.ts'
import { type Answered, type Imitation, type Seen, serve } from './channels/stand-in.ts'

/** A server on loopback that answers every request by these rules. */
export function imitate(t: Test, answer: (seen: Seen) => Answered): Promise<Imitation> {
  return serve(t, { answer })
}

/** Slack on loopback. `texts` are the messages as they stand, by their `ts`. */
export async function slackImitation(t: Test): Promise<Imitation & { readonly slack: Slack; readonly texts: Map<string, JsonObject> }> {
  const provider = slack()
  const texts = new Map<string, JsonObject>()
  const imitation = await serve(t, {
    answer(seen) {
      const answered = provider.answer(seen)
      for (const [ts, { body }] of provider.messages) texts.set(ts, body)
      return answered
    }
  })
  return Object.assign(imitation, { slack: provider, texts })
}

/** PagerDuty on loopback. */
export async function pagerdutyImitation(t: Test): Promise<Imitation & Pick<Pagerduty, 'open' | 'notified' | 'changes'>> {
  const provider = pagerduty()
  const { open, notified, changes } = provider
  return Object.assign(await serve(t, provider), { open, notified, changes })
}
