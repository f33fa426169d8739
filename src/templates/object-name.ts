import { parseTemplate, type Rendered, renderTemplate, type TemplateValues } from './template.ts'

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

export type NamePlace = 'namespace' | 'name'

/** Whether Kubernetes takes the text as a name in this place. */
export function isObjectName(place: NamePlace, text: string): boolean {
  return place === 'namespace' ? LABEL.test(text) : text.length <= 253 && SUBDOMAIN.test(text)
}

/** Renders a Kubernetes object name. Nothing is escaped, because only a valid name is let through. */
export function renderObjectName(source: string, place: NamePlace, values: TemplateValues): Rendered {
  const template = parseTemplate(source)
  if ('error' in template) throw new Error(`template was not checked at load: ${template.error}`)
  const rendered = renderTemplate(template, values, value => ({ text: value }))
  if (rendered.kind !== 'text' || isObjectName(place, rendered.text)) return rendered
  const first = template.holes[0]
  return {
    kind: 'unsafe',
    name: first === undefined ? source : `${first.root}.${first.name}`,
    why: `${JSON.stringify(clip(rendered.text))} is not a valid Kubernetes ${place}`
  }
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
