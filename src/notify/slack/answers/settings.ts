import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { isObject } from '../../../base/json.ts'
import type { ConfiguredChannel } from '../../../domain/message.ts'

export const AnswersSchema = Type.Object(
  {
    signingSecretFile: Type.Optional(
      Type.String({ minLength: 1, description: 'File with the app’s signing secret: Slack calls POST /webhooks/slack/CHANNEL.' })
    ),
    appTokenFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'File with an app-level token (xapp-…, connections:write): Astern calls Slack (Socket Mode).'
      })
    )
  },
  { additionalProperties: false, description: 'People answer by buttons; `people` says who may. One of both ways.' }
)
export type AnswersSettings = Static<typeof AnswersSchema>

export const API_URL = 'https://slack.com/api'

/** How people answer in a channel. */
export interface AnsweredChannel extends AnswersSettings {
  readonly name: string
  readonly apiUrl: string
}

/** The Slack channels of a policy file in which people can answer. */
export function answeredChannels(configured: Readonly<Record<string, ConfiguredChannel>>): readonly AnsweredChannel[] {
  return Object.entries(configured).flatMap(([name, { kind, settings }]) => {
    if (kind !== 'slack' || !isObject(settings)) return []
    const { answers, apiUrl = API_URL } = settings
    return Check(AnswersSchema, answers) && typeof apiUrl === 'string' ? [{ name, apiUrl, ...answers }] : []
  })
}
