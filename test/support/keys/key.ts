import { isObject } from '../../../src/base/json.ts'
import type { Play } from '../played-policies.ts'

/** One key of a policy file with two values, and how to see that they are two. */
export interface PolicyKey {
  /** As the schema has it; `[]` for an entry of a list, `*` for any name, the action of a `with` in angle brackets. */
  readonly path: string
  readonly from: unknown
  readonly to: unknown
  /** What happens with either; or what else tells them apart. */
  readonly play: Play | { readonly proof: (file: unknown) => Promise<string> }
}

export const BASE = {
  version: 1,
  sources: { prometheus: { url: 'http://prometheus' } },
  channels: { people: { webhook: { url: 'https://example.org/a' } }, others: { webhook: { url: 'https://example.org/b' } } },
  policies: [
    {
      name: 'undo',
      match: ['alertname="HighErrorRatio"'],
      target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
      mode: 'auto',
      verify: [{ promql: 'sum(rate(errors_total{ns="{{ target.namespace }}"}[2m]))', failWhen: '> 5%' }],
      steps: [{ action: 'rollout-undo' }],
      guards: { namespaces: ['shop'] },
      escalate: { to: ['people'] }
    }
  ]
}

type Path = readonly (string | number)[]

/** The file with another value at a path; undefined takes the key away. */
export function withAt(whole: unknown, [first, ...rest]: Path, value: unknown): unknown {
  if (first === undefined) return value
  if (typeof first === 'number') {
    const list: readonly unknown[] = Array.isArray(whole) ? whole : []
    return [...list.slice(0, first), withAt(list[first], rest, value), ...list.slice(first + 1)]
  }
  const { [first]: old, ...others } = isObject(whole) ? whole : {}
  const next = withAt(old, rest, value)
  return next === undefined ? others : { ...others, [first]: next }
}

function placeIn(path: string): Path {
  return path
    .replace(/<[^>]+>/, '')
    .replaceAll('[]', '.0')
    .split('.')
    .map(part => (part === '0' ? 0 : part))
}

export interface RowOptions {
  readonly play?: PolicyKey['play']
  /** Other values that both files have, by their path. */
  readonly and?: Readonly<Record<string, unknown>>
}

/** The key with two values in the base file; undefined is a file without it. */
export function row(path: string, from: unknown, to: unknown, { play = {}, and = {} }: RowOptions = {}): PolicyKey {
  const both = Object.entries(and).reduce<unknown>((file, [at, value]) => withAt(file, placeIn(at), value), BASE)
  const at = placeIn(path)
  return { path, from: withAt(both, at, from), to: withAt(both, at, to), play }
}
