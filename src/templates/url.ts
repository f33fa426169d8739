import { hasUserInfo, USER_INFO } from '../base/redacted-url.ts'
import { parseTemplate, type Rendered, renderTemplate, type Template, type TemplateValues } from './template.ts'

/** Checks at load that every hole of a URL lies behind its host. A label may choose what is asked for, but never the host. */
export function parseUrlTemplate(source: string): Template | { readonly error: string; readonly offset: number } {
  const template = parseTemplate(source)
  if ('error' in template) return template
  if (hasUserInfo(source)) return { error: `the URL ${USER_INFO}`, offset: 0 }
  const origin = /^https?:\/\/[^/?#{}]+/.exec(source)
  if (origin === null) return { error: 'a URL begins with http:// or https:// and a host that is written out', offset: 0 }
  const early = template.holes.find(hole => hole.offset <= origin[0].length)
  return early === undefined ? template : { error: 'a template may stand behind the first / of a URL only', offset: early.offset }
}

/** Renders a URL. Each value becomes one path segment or one query value, never more. */
export function renderUrl(source: string, values: TemplateValues): Rendered {
  const template = parseUrlTemplate(source)
  if ('error' in template) throw new Error(`template was not checked at load: ${template.error}`)
  return renderTemplate(template, values, value =>
    value === '.' || value === '..' || /\p{Cc}/u.test(value)
      ? { unsafe: `${JSON.stringify(value)} would change the path` }
      : { text: encodeURIComponent(value).replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`) }
  )
}
