import { renderJson } from '../src/templates/json.ts'
import { renderPromql } from '../src/templates/promql.ts'
import type { Rendered } from '../src/templates/template.ts'
import { renderUrl } from '../src/templates/url.ts'
import { median } from './latency.ts'
import { type Row, row } from './rows.ts'

const KIB = 1024
/** What a label may have (domain/alert-limits.ts). */
const USUAL = 4 * KIB
/** The names of some five thousand pods, which is the longest value that Astern itself puts in. */
const LONG = 256 * KIB
const TIMES = 15
/** Both are measured over as many bytes. */
const MEASURED_BYTES = LONG

const PLACES: Readonly<Record<string, (value: string) => Rendered>> = {
  'in =~': value => renderPromql('sum(rate(x{pod=~"{{ labels.a }}"}[5m]))', { labels: { a: value }, annotations: {} }),
  'in =': value => renderPromql('sum(rate(x{pod="{{ labels.a }}"}[5m]))', { labels: { a: value }, annotations: {} }),
  'in a URL': value => renderUrl('https://example.org/{{ labels.a }}', { labels: { a: value }, annotations: {} }),
  'in JSON': value => renderJson({ text: '{{ labels.a }}' }, { labels: { a: value }, annotations: {} })
}
/** Texts of which each character is escaped take the longest. */
const TEXTS: readonly string[] = ['a', '+', '\\', '"']

/** (j) What a byte in a template costs in a long value, beside a usual one: the worst text of each place. */
export function templates(progress: (line: string) => void): readonly Row[] {
  progress(`values of ${LONG / KIB} KiB beside ${USUAL / KIB} KiB, ${TIMES} times each`)
  return Object.entries(PLACES).map(([place, render]) => {
    const costs = TEXTS.map(text => ({ long: perByte(render, text.repeat(LONG)), usual: perByte(render, text.repeat(USUAL)) }))
    const worst = costs.reduce((a, b) => (a.long / a.usual >= b.long / b.usual ? a : b))
    return row(`a byte of a value of ${LONG / KIB} KiB ${place}, beside ${USUAL / KIB} KiB`, worst.long, 'ns', {
      baseline: worst.usual,
      goal: { of: 'ratio', atMost: 3 }
    })
  })
}

/** Nanoseconds of the processor, so that whoever else is busy does not count. */
function perByte(render: (value: string) => Rendered, value: string): number {
  const repeats = Math.ceil(MEASURED_BYTES / value.length)
  const took = Array.from({ length: TIMES }, () => {
    const begun = process.cpuUsage()
    for (let count = 0; count < repeats; count += 1) if (render(value).kind !== 'text') throw new Error('the value was not rendered')
    const { user, system } = process.cpuUsage(begun)
    return user + system
  })
  return (median(took) * 1e3) / (repeats * value.length)
}
