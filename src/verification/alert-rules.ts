import { instantAt, type JsonObject, listAt, objectAt, textAt, textMap } from '../base/json.ts'

/** The firing instances of one alert whose labels have the same names. */
interface Shape {
  readonly names: readonly string[]
  readonly starts: Map<string, number[]>
}

/** When the condition of each firing alert became true. It is looked up by the labels that Alertmanager sent. */
export interface ActiveAlerts {
  /** Undefined where no firing alert has these labels, or more than one has. */
  activeAt(labels: Readonly<Record<string, string>>): number | undefined
}

/** Reads an answer of `/api/v1/rules` once, so that many alerts can be looked up in it. */
export function readActiveAlerts(answer: JsonObject): ActiveAlerts {
  const byName = new Map<string, Map<string, Shape>>()
  for (const rule of listAt(answer, 'data', 'groups').flatMap(group => listAt(group, 'rules')))
    for (const instance of listAt(rule, 'alerts')) {
      const startedAt = instantAt(instance, 'activeAt')
      if (startedAt === undefined || textAt(instance, 'state') !== 'firing') continue
      const labels = textMap(objectAt(instance, 'labels'))
      const names = Object.keys(labels).sort()
      const shapes = byName.get(textAt(rule, 'name') ?? '') ?? new Map<string, Shape>()
      byName.set(textAt(rule, 'name') ?? '', shapes)
      const key = JSON.stringify(names)
      const shape = shapes.get(key) ?? { names, starts: new Map<string, number[]>() }
      shapes.set(key, shape)
      const values = JSON.stringify(names.map(name => labels[name]))
      shape.starts.set(values, [...(shape.starts.get(values) ?? []), startedAt])
    }
  return {
    activeAt(labels) {
      const found: number[] = []
      // External labels and relabelling add labels to what was sent (facts A.8). So the rule's labels are a subset of the alert's.
      for (const { names, starts } of byName.get(labels['alertname'] ?? '')?.values() ?? [])
        found.push(...(starts.get(JSON.stringify(names.map(name => (Object.hasOwn(labels, name) ? labels[name] : null)))) ?? []))
      return found.length === 1 ? found[0] : undefined
    }
  }
}
