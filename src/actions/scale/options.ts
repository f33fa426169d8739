import { type Static, Type } from 'typebox'
import { durationField } from '../duration-field.ts'

/** `with:` of `scale`. */
export const ScaleWith = Type.Object(
  {
    to: Type.Optional(Type.Integer({ minimum: 1, description: 'So many pods. Never 0.' })),
    by: Type.Optional(Type.String({ pattern: '^[+-][1-9]\\d*%?$', description: 'More or fewer, such as "+2" or "+50%".' })),
    min: Type.Optional(Type.Integer({ minimum: 1, description: 'Never fewer than this; default 1.' })),
    max: Type.Integer({ minimum: 1, description: 'Never more than this.' }),
    autoscaler: Type.Optional(
      Type.Enum(['floor', 'floor-and-ceiling', 'deny'], {
        description: 'Where a HorizontalPodAutoscaler decides: raise its floor (default), its ceiling too, or leave it alone.'
      })
    ),
    restoreAfter: durationField('Given back so long after the recovery; default 30m.'),
    restoreAtMost: durationField('Given back at the latest; default 1d.'),
    reportNodes: Type.Optional(
      Type.Boolean({ description: 'Tell what the nodes could hold, too. Needs `list nodes` in the whole cluster. Default false.' })
    ),
    connections: Type.Optional(
      Type.Object(
        { perReplica: Type.Integer({ minimum: 1 }), atMost: Type.Integer({ minimum: 1 }) },
        { additionalProperties: false, description: 'What each pod takes of something that all share, such as a database’s connections.' }
      )
    )
  },
  { additionalProperties: false }
)
export type ScaleOptions = Static<typeof ScaleWith>

/** What is wrong in `with:` beyond its schema. */
export function checkScale({ to, by, min = 1, max }: ScaleOptions): string | undefined {
  if ((to === undefined) === (by === undefined)) return 'needs "to" or "by", and not both'
  return min > max ? 'min is more than max' : undefined
}

/** How many pods the policy wants, within its bounds. */
export function wantedReplicas(current: number, { to, by, min = 1, max }: ScaleOptions): number {
  const amount = Number.parseInt(by ?? '0', 10)
  // A percentage is one pod at least, because two thirds of a pod are none.
  const change = by?.endsWith('%') === true ? Math.sign(amount) * Math.max(1, Math.round((current * Math.abs(amount)) / 100)) : amount
  return Math.min(max, Math.max(1, min, to ?? current + change))
}
