import { isObject } from '../base/json.ts'
import { parseTemplate, type Rendered, renderTemplate, type TemplateValues } from './template.ts'

/** Says what is wrong with the templates in a JSON value; undefined where nothing is. */
export function jsonTemplateError(value: unknown): string | undefined {
  if (typeof value === 'string') {
    const parsed = parseTemplate(value)
    return 'error' in parsed ? parsed.error : undefined
  }
  const parts = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
  return parts.map(jsonTemplateError).find(error => error !== undefined)
}

/** Renders the texts of a JSON value. A label cannot leave its text, because the value becomes JSON text only afterwards. */
export function renderJson(value: unknown, values: TemplateValues): Rendered {
  let failed: Exclude<Rendered, { readonly kind: 'text' }> | undefined
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') {
      const template = parseTemplate(part)
      if ('error' in template) throw new Error(`template was not checked at load: ${template.error}`)
      const rendered = renderTemplate(template, values, text => ({ text }))
      if (rendered.kind === 'text') return rendered.text
      failed ??= rendered
      return ''
    }
    if (Array.isArray(part)) return part.map(walk)
    // Keys are taken as the policy has them, so that no label can name a field.
    if (isObject(part)) return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner)]))
    return part
  }
  const text = JSON.stringify(walk(value))
  return failed ?? { kind: 'text', text }
}
