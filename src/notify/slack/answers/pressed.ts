import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type ButtonId, isButton } from '../buttons.ts'

const id = () => Type.String({ pattern: '^[A-Z0-9]{1,40}$' })

/** What Astern reads of a `block_actions` payload. Slack sends more, and may send more still. */
const PressedSchema = Type.Object({
  type: Type.Literal('block_actions'),
  user: Type.Object({ id: id(), team_id: Type.Optional(id()) }),
  team: Type.Optional(Type.Union([Type.Object({ id: id() }), Type.Null()])),
  api_app_id: id(),
  channel: Type.Object({ id: id() }),
  response_url: Type.Optional(Type.String({ maxLength: 500 })),
  actions: Type.Array(
    Type.Object({
      type: Type.Literal('button'),
      action_id: Type.String({ maxLength: 255 }),
      value: Type.String({ pattern: '^[\\w.-]{1,100}$' })
    }),
    { minItems: 1, maxItems: 1 }
  )
})
const validator = Compile(PressedSchema)

/** Somebody pressed a button. */
export interface Pressed {
  readonly button: ButtonId
  /** The run that the button belongs to. */
  readonly runId: string
  readonly user: string
  /** The team that the user belongs to: in a channel that two companies share, it may be another one than ours. */
  readonly team: string
  /** The workspace in which it was pressed, where Slack says. */
  readonly workspace?: string
  readonly app: string
  readonly channel: string
  /** Where an answer that only this person sees is posted. */
  readonly responseUrl?: string
}

export type Read = { readonly kind: 'pressed'; readonly pressed: Pressed } | { readonly kind: 'bad'; readonly detail: string }

/** Reads the payload of an interaction, wherever it came from. */
export function readPressed(payload: unknown): Read {
  if (!validator.Check(payload)) {
    const [first] = validator.Errors(payload)
    return { kind: 'bad', detail: `the payload is no press of a button: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd() }
  }
  const { user, team, api_app_id, channel, response_url, actions }: Static<typeof PressedSchema> = payload
  const [action] = actions
  const teamId = user.team_id ?? team?.id
  if (action === undefined || !isButton(action.action_id)) return { kind: 'bad', detail: 'the button is not one of Astern’s' }
  if (teamId === undefined) return { kind: 'bad', detail: 'the payload names no team' }
  return {
    kind: 'pressed',
    pressed: {
      ...{ button: action.action_id, runId: action.value, user: user.id, team: teamId, app: api_app_id, channel: channel.id },
      ...(team?.id === undefined ? {} : { workspace: team.id }),
      ...(response_url === undefined ? {} : { responseUrl: response_url })
    }
  }
}

/** What the form of a callback is: a press, or Slack's look whether the address has a certificate, which changes nothing and is not signed. */
export type Form = { readonly kind: 'ssl-check' } | { readonly kind: 'payload'; readonly payload: unknown } | Extract<Read, { kind: 'bad' }>

/** Reads the form of a callback once, so that nothing can be one thing for a check and another for what follows it. */
export function readForm(body: Uint8Array): Form {
  const form = new URLSearchParams(Buffer.from(body).toString('utf8'))
  if (form.get('ssl_check') === '1' && !form.has('payload')) return { kind: 'ssl-check' }
  const payloads = form.getAll('payload')
  const [text] = payloads
  if (text === undefined || payloads.length > 1) return { kind: 'bad', detail: 'the form holds no payload, or several' }
  try {
    const payload: unknown = JSON.parse(text)
    return { kind: 'payload', payload }
  } catch {
    return { kind: 'bad', detail: 'the payload is not JSON' }
  }
}
