import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import type { Blame } from '../domain/action.ts'
import { TARGET_KINDS, type TargetKind } from '../domain/objects.ts'
import { PERSON_ROLES } from '../domain/person.ts'
import { guardSchema, guardStepFields, isForGuards } from './guard-schema.ts'
import { BudgetSchema, ConfirmSchema, closed, count, duration, EscalateSchema, ModeSchema, NAME, THRESHOLD, text } from './schema-parts.ts'
import { OpenVerifySchema, publishedVerifySchema } from './verify-schema.ts'

/** What a policy file's schema needs of an action: its name, and the schema of its `with:`. */
export interface ActionSchema {
  readonly name: string
  readonly title: string
  readonly with: TObject
  readonly kinds: readonly TargetKind[]
  /** `nothing`: it does not go back to an earlier version. */
  readonly blames: Blame
}

/** What a policy file's schema needs of a kind of channel: its name, and the schema of its settings. */
export interface ChannelSchema {
  readonly name: string
  readonly settings: TObject
  /** True for a channel that needs no configuration. Policy files cannot configure its kind, and may not take its name. */
  readonly standing?: true
}

const httpSource = (description: string, defaultTimeout: string) =>
  Type.Object(
    {
      url: text('Base URL, without /api/v1.'),
      bearerTokenFile: Type.Optional(text('File with a bearer token.')),
      basicAuth: Type.Optional(Type.Object({ username: text('User name.'), passwordFile: text('File with the password.') }, closed)),
      headers: Type.Optional(
        Type.Record(Type.String(), Type.String(), { description: 'Extra headers, such as X-Scope-OrgID. No secrets.' })
      ),
      timeout: Type.Optional(duration(`Deadline of one question; default ${defaultTimeout}.`)),
      caFile: Type.Optional(text('File with the CA certificates of the source (PEM).')),
      certFile: Type.Optional(text('File with the client certificate (PEM); goes with keyFile.')),
      keyFile: Type.Optional(text('File with the key of the client certificate (PEM).'))
    },
    { ...closed, description }
  )

const HeartbeatSchema = Type.Object(
  {
    urlFile: text('File with the URL of a dead man’s switch (https, or http on loopback). Whoever knows the URL can keep it quiet.'),
    every: Type.Optional(duration('Default 1m.')),
    method: Type.Optional(Type.Enum(['GET', 'POST'], { description: 'Default GET.' })),
    authorizationFile: Type.Optional(text('File with what is sent as Authorization, such as `GenieKey …`.'))
  },
  { ...closed, description: 'A sign of life for somebody else, who calls people when it does not come. It is sent while Astern works.' }
)

const BlindSchema = Type.Object(
  {
    to: Type.Optional(
      Type.Array(text('A channel’s name.'), {
        description: 'Channels that do not go by what is watched; default: defaults.escalate.to, where a policy acts.'
      })
    ),
    watchdog: Type.Optional(
      Type.Object(
        {
          match: Type.Optional(
            Type.Array(Type.String({ minLength: 1 }), {
              minItems: 1,
              description: 'Alertmanager’s matchers of the alert that always fires; default alertname="Watchdog". It opens no incident.'
            })
          ),
          source: Type.Optional(
            text('The source it must come from, as a token’s `source` or name has it. Without it every source counts.')
          ),
          within: Type.Optional(duration('How long it may be silent: more than its route’s repeat_interval; default 10m.'))
        },
        { ...closed, description: 'The alert that always fires: where it is not heard, no other alert would be.' }
      )
    ),
    deliveries: Type.Optional(
      Type.Object(
        {
          receiver: text('The name of Astern’s receiver in Alertmanager’s configuration.'),
          within: Type.Optional(duration('How long an alert may take from there to Astern; default 15m.'))
        },
        { ...closed, description: 'Compares what sources.alertmanager holds for Astern with what came.' }
      )
    )
  },
  { ...closed, description: 'How people hear that Astern sees or hears nothing any more.' }
)

const StormSchema = Type.Object(
  {
    targets: count(2, 'So many distinct existing targets …'),
    within: duration('… with incidents opened within this time are a storm: nothing is written.'),
    calm: duration('A storm is over after this time without a new incident.')
  },
  closed
)

const guardFields = {
  namespaces: Type.Optional(
    Type.Array(text('A namespace, or a glob such as team-*.'), {
      description: 'Where Astern may write. Required for any mode above dry-run.'
    })
  ),
  cooldown: Type.Optional(duration('Between two runs on a target; default 30m.')),
  budgets: Type.Optional(Type.Array(BudgetSchema, { description: 'Limits of writes; a policy’s add to the defaults.' }))
}

const ignoreFields = {
  ignoreAnnotations: Type.Optional(
    Type.Array(text('An annotation of the pod template, or a glob such as checksum/*.'), {
      description: 'What makes no new version: a change of these alone is no change, and a revision that differs only in them is the same.'
    })
  ),
  ignoreEnv: Type.Optional(
    Type.Array(text('A variable of the pods’ containers, or a glob such as STAKATER_*.'), { description: 'The same, for variables.' })
  )
}

/** The kinds of channel that a policy file may configure. */
export function configurable<Kind extends ChannelSchema>(kinds: readonly Kind[]): readonly Kind[] {
  return kinds.filter(kind => kind.standing !== true)
}

function channelSchema(kinds: readonly ChannelSchema[]) {
  const known = configurable(kinds)
  return Type.Object(
    {
      ...Object.fromEntries(known.map(kind => [kind.name, Type.Optional(kind.settings)])),
      fallback: Type.Optional(text('The channel that gets a call for people too, where this one does not take it.')),
      fallbackAfter: Type.Optional(duration('For so long this channel may fail; default 10m. What it refuses goes to the other at once.'))
    },
    {
      ...closed,
      description: `One of ${known.map(kind => kind.name).join(', ')}.`
    }
  )
}

const TargetSchema = Type.Object(
  {
    kind: Type.Enum([...TARGET_KINDS]),
    namespace: text('Templates of the alert’s labels.'),
    name: text('Templates of the alert’s labels.')
  },
  closed
)

const ConditionSchema = Type.Object(
  {
    changedWithin: Type.Optional(duration('The rung’s target was deployed within this time before the symptom began.')),
    queries: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.Optional(text('What people read in the timeline.')),
            promql: text('A query for one number. Templates only inside the quotes of label matchers.'),
            holdsWhen: Type.String({
              pattern: THRESHOLD,
              description: 'When the condition holds: a comparison and a number, such as "> 0".'
            }),
            maxAge: Type.Optional(duration('How old the newest sample behind the query may be; default 2m.'))
          },
          closed
        ),
        { minItems: 1 }
      )
    )
  },
  { ...closed, minProperties: 1, description: 'The rung’s own conditions: it is passed over while one does not hold.' }
)

const stepFields = {
  target: Type.Optional(TargetSchema),
  when: Type.Optional(ConditionSchema),
  confirm: Type.Optional(ConfirmSchema)
}

/** The parts of a file that the loader leaves open at first, and that editors see in full. */
interface Parts<Step extends TSchema, Verify extends TSchema, GuardStep extends TSchema> {
  readonly step: Step
  readonly verify: Verify
  readonly guardStep: GuardStep
}

function policyFields<Step extends TSchema, Verify extends TSchema>({ step, verify }: { readonly step: Step; readonly verify: Verify }) {
  return {
    name: Type.String({ ...NAME, description: 'Unique; lower-case letters, digits, dashes.' }),
    match: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: 'Alertmanager’s matchers; all must hold.' }),
    target: TargetSchema,
    mode: Type.Optional(ModeSchema),
    changedWithin: Type.Optional(
      duration(
        'The target must have changed within this time before the symptom; default 60m for steps that go back to an earlier version.'
      )
    ),
    ...ignoreFields,
    verify: Type.Array(verify, {
      minItems: 1,
      description: 'The symptom, as numbers. All must fail before a write, all must pass after it.'
    }),
    steps: Type.Array(step, { minItems: 1, description: 'A ladder: each rung once, in order, until recovery is confirmed.' }),
    guards: Type.Optional(Type.Object(guardFields, closed)),
    escalate: Type.Optional(EscalateSchema),
    recheck: Type.Optional(duration('How often a waiting run is looked at again; default 30s.'))
  }
}

function fileFields<Step extends TSchema, Verify extends TSchema, GuardStep extends TSchema>(
  parts: Parts<Step, Verify, GuardStep>,
  channels: readonly ChannelSchema[]
) {
  return {
    version: Type.Literal(1),
    sources: Type.Optional(
      Type.Object(
        {
          prometheus: Type.Optional(httpSource('Prometheus, or anything that speaks its HTTP API.', '10s')),
          alertmanager: Type.Optional(httpSource('Asked whether an alert is silenced or inhibited.', '5s'))
        },
        closed
      )
    ),
    channels: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }), channelSchema(channels), closed)),
    people: Type.Optional(
      Type.Array(
        Type.Object(
          {
            slack: Type.String({
              pattern: '^[TE][A-Z0-9]{1,40}/[UW][A-Z0-9]{1,40}$',
              description: 'Team id and user id, such as T024BE7LD/U0G9QF9C6.'
            }),
            name: Type.String({ minLength: 1, maxLength: 80, description: 'How Astern calls the person.' }),
            role: Type.Enum([...PERSON_ROLES])
          },
          closed
        ),
        { description: 'Who may answer from Slack. Nobody else can.' }
      )
    ),
    heartbeat: Type.Optional(HeartbeatSchema),
    blind: Type.Optional(BlindSchema),
    defaults: Type.Optional(
      Type.Object(
        {
          mode: Type.Optional(ModeSchema),
          ...ignoreFields,
          guards: Type.Optional(Type.Object({ ...guardFields, storm: Type.Optional(StormSchema) }, closed)),
          escalate: Type.Optional(EscalateSchema),
          recheck: Type.Optional(duration('Default 30s.'))
        },
        closed
      )
    ),
    policies: Type.Array(Type.Object(policyFields(parts), closed)),
    guards: Type.Optional(
      Type.Array(guardSchema(parts.guardStep), {
        description: 'What post-deploy guards may do, by namespace. Where no entry covers a namespace they only report.'
      })
    )
  }
}

const OpenStep = Type.Object({ action: Type.String(), with: Type.Optional(Type.Unknown()), ...stepFields }, closed)

const OpenGuardStep = Type.Object({ action: Type.String(), with: Type.Optional(Type.Unknown()), ...guardStepFields }, closed)

/** The schema that the loader checks first. It then checks each `with:` against the schema of the action or of the metric. */
export function fileSchema(channels: readonly ChannelSchema[]) {
  return Type.Object(fileFields({ step: OpenStep, verify: OpenVerifySchema, guardStep: OpenGuardStep }, channels), closed)
}
export type PolicyFile = Static<ReturnType<typeof fileSchema>>

/** The JSON Schema by which editors complete: the same fields, with each action's and each metric's own `with:`. */
export function publishedSchema({
  actions,
  channels
}: {
  readonly actions: readonly ActionSchema[]
  readonly channels: readonly ChannelSchema[]
}): TSchema {
  const stepWith = <Fields extends TProperties>(action: ActionSchema, fields: Fields) =>
    Type.Object({ action: Type.Literal(action.name, { description: action.title }), with: Type.Optional(action.with), ...fields }, closed)
  const parts = {
    step: Type.Union(actions.map(action => stepWith(action, stepFields))),
    verify: publishedVerifySchema(),
    guardStep: Type.Union(actions.filter(isForGuards).map(action => stepWith(action, guardStepFields)))
  }
  return Type.Object(fileFields(parts, channels), {
    ...closed,
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Astern policies'
  })
}
